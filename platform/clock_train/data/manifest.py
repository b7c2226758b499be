"""A corpus on disk: ``manifest.jsonl``, one clip a line, beside ``audio/*.flac``, ``quality.json`` and ``ATTRIBUTION``.

Accepted clips lie in ``audio/``, rejected ones in ``rejected/`` (so that a person can hear why), and clips whose sound
could not be read have an empty path. Readers skip fields that they do not know, so that a later version can add some.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from clock_train.errors import CorpusDamaged, CorpusNotFound, CorpusUnreadable

MANIFEST_NAME = "manifest.jsonl"
QUALITY_NAME = "quality.json"
ATTRIBUTION_NAME = "ATTRIBUTION"
REPORT_NAME = "report.html"
AUDIO_FOLDER = "audio"
REJECTED_FOLDER = "rejected"

Verdict = Literal["accepted", "rejected"]
Style = Literal["statement", "question", "exclamation"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a clip was cut from."""

    file: str
    """Path of the recording, relative to the recordings folder."""
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class ClipQuality:
    """What was measured on one clip; None where it could not be."""

    snr_db: float | None = None
    clipping_percent: float | None = None
    silence_percent: float | None = None
    loudness_lufs: float | None = None
    peak_db: float | None = None
    """dB relative to full scale."""
    f0_median_hz: float | None = None
    f0_spread_semitones: float | None = None
    """Between the 10th and the 90th percentile of the voiced frames."""
    rate_phones_per_s: float | None = None
    """Phones over the time that is speech, pauses left out."""
    channel_difference_db: float | None = None
    """Level of left minus right against their mean; None for one channel."""
    sample_rate_hz: int | None = None
    """Of the recording, before the corpus' own rate."""
    bits_per_sample: int | None = None
    """None for codecs that have no such number."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One segment with its text, as one line of the manifest."""

    id: str
    speaker: str
    text: str
    language: str
    path: str
    """Relative to the corpus folder; empty if the sound could not be read."""
    seconds: float
    verdict: Verdict
    reasons: list[str] = field(default_factory=list)
    """Codes of `reasons.REASONS`; empty for an accepted clip."""
    style: Style = "statement"
    emotion: str | None = None
    quality: ClipQuality = field(default_factory=ClipQuality)
    origin: Origin

    @property
    def is_accepted(self) -> bool:
        """Whether training may use it."""
        return self.verdict == "accepted"


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A corpus folder, read."""

    path: Path
    clips: list[Clip]
    quality: dict[str, Any] = field(default_factory=dict)
    """``quality.json``."""

    def accepted(self) -> list[Clip]:
        """The clips that training may use, in manifest order."""
        return [clip for clip in self.clips if clip.is_accepted]

    def speakers(self) -> list[str]:
        """Speakers with at least one accepted clip, sorted."""
        return sorted({clip.speaker for clip in self.accepted()})

    def audio_path(self, clip: Clip) -> Path:
        """The clip's sound file."""
        return self.path / clip.path

    def seconds(self) -> float:
        """Accepted speech in all."""
        return sum(clip.seconds for clip in self.accepted())


def write_manifest(path: Path, clips: Iterable[Clip]) -> None:
    """Write one JSON object a line, keys in the order of `Clip`."""
    with path.open("w", encoding="utf-8") as file:
        for clip in clips:
            file.write(json.dumps(asdict(clip), ensure_ascii=False) + "\n")


def read_corpus(path: str | Path) -> Corpus:
    """Read a corpus folder that ``clocktrain corpus build`` wrote.

    Raises:
        CorpusNotFound: no folder or no manifest in it.
        CorpusUnreadable: permissions or the disk refuse it.
        CorpusDamaged: a line of the manifest is broken, an id comes twice, or a clip's file is missing.
    """
    path = Path(path)
    manifest_path = path / MANIFEST_NAME
    try:
        lines = manifest_path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CorpusNotFound(
            f'"{path}" has no {MANIFEST_NAME}. Build it with "clocktrain corpus build --out {path}"'
        ) from error
    except UnicodeDecodeError as error:
        raise CorpusDamaged(f'"{manifest_path}" is not UTF-8 at byte {error.start}. Build the corpus again') from error
    except OSError as error:
        raise CorpusUnreadable(f'"{manifest_path}" cannot be read ({error.strerror}). Check its permissions') from error
    clips = [_clip_of(line, f"{manifest_path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    _check_files(path, clips)
    return Corpus(path=path, clips=clips, quality=_read_quality(path / QUALITY_NAME))


def _clip_of(line: str, where: str) -> Clip:
    try:
        values = json.loads(line)
        quality = ClipQuality(**_known(ClipQuality, values.pop("quality", {})))
        origin = Origin(**_known(Origin, values.pop("origin")))
        clip = Clip(**_known(Clip, values), quality=quality, origin=origin)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorpusDamaged(f"{where} is not a clip ({error}). Build the corpus again, or restore the file") from error
    if clip.verdict not in ("accepted", "rejected") or not isinstance(clip.seconds, int | float):
        raise CorpusDamaged(f"{where}: verdict or seconds make no sense. Build the corpus again, or restore the file")
    return clip


def _known(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _check_files(path: Path, clips: list[Clip]) -> None:
    seen: set[str] = set()
    for clip in clips:
        if clip.id in seen:
            raise CorpusDamaged(f'"{path}" has the clip id "{clip.id}" twice. Build the corpus again')
        seen.add(clip.id)
        # A manifest can come from elsewhere: it must not name files outside its own folder.
        if Path(clip.path).is_absolute() or ".." in Path(clip.path).parts:
            raise CorpusDamaged(f'clip "{clip.id}" of "{path}" points out of the corpus ({clip.path}). Build it again')
        if clip.is_accepted and not (path / clip.path).is_file():
            raise CorpusDamaged(
                f'clip "{clip.id}" of "{path}" has no file {clip.path}. Restore it, or build the corpus again'
            )


def _read_quality(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CorpusDamaged(f'"{path}" is not JSON ({error}). Build the corpus again') from error
    except OSError as error:
        raise CorpusUnreadable(f'"{path}" cannot be read ({error.strerror}). Check its permissions') from error
