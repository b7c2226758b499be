"""A corpus as a few flat arrays: what training keeps on the device.

Everything that needs a decoder, a dictionary or a resampler is done here, once; the training loop then needs torch and
numpy only. Two hours at 16 kHz are 230 MB of int16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clock_train.audio.augmentation import change_speed
from clock_train.audio.reading import read_waveform
from clock_train.data.manifest import Clip, Corpus
from clock_train.data.packed_file import PackedCorpus, load_packed, offsets, save_packed
from clock_train.data.splits import TRAIN, split_clips
from clock_train.errors import ConfigError, TextError, TrainingDataTooSmall
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import INVENTORY_ID, token_ids

__all__ = ["PackedCorpus", "PackingReport", "load_packed", "pack", "save_packed"]

LONGEST_SECONDS = 12.0
"""Longer clips would decide the memory of every batch; the corpus builder cuts at pauses well below this."""


@dataclass(frozen=True)
class PackingReport:
    """What was left out, and why."""

    left_out: list[tuple[str, str]]


def pack(
    corpora: Sequence[Corpus],
    *,
    sample_rate_hz: int = 16_000,
    hop_samples: int = 256,
    speed_copies: int = 0,
    speed_percent: float = 20.0,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[PackedCorpus, PackingReport]:
    """Read, phonemize and lay out the accepted clips of one or more corpora.

    Args:
        corpora: what ``data.manifest.read_corpus`` gave.
        sample_rate_hz: of the model.
        hop_samples: of the model; a clip with more phones than frames cannot be aligned and is left out.
        speed_copies: extra copies of each training clip at another speed.
        speed_percent: the copies' speed lies within plus or minus this.
        seed: of those speeds.
        progress: called with (done, total) clips.

    Raises:
        TrainingDataTooSmall: nothing usable, or too few clips of a speaker.
    """
    if not 0 <= speed_percent <= 50:
        raise ConfigError(f"data.speed_percent is {speed_percent}; give 0 to 50")
    clips = [(corpus, clip) for corpus in corpora for clip in corpus.accepted()]
    left_out: list[tuple[str, str]] = []
    rows: list[tuple[Clip, np.ndarray, np.ndarray, float]] = []
    for done, (corpus, clip) in enumerate(clips):
        if progress:
            progress(done, len(clips))
        reason, ids = _ids_or_reason(clip, sample_rate_hz / hop_samples)
        if ids is None:
            left_out.append((clip.id, reason))
            continue
        waveform = read_waveform(Path(corpus.path) / clip.path, sample_rate_hz=sample_rate_hz)
        # the manifest's length may be wrong; what cannot be aligned would stop the training at that batch
        if len(waveform) // hop_samples <= ids.shape[1]:
            left_out.append((clip.id, _too_long(ids, len(waveform) / sample_rate_hz)))
            continue
        rows.append((clip, _as_samples(waveform), ids, 0.0))
    _check_everybody_is_left(clips, [clip.speaker for clip, *_ in rows], left_out)
    splits = split_clips([c.id for c, *_ in rows], [c.speaker for c, *_ in rows], [c.seconds for c, *_ in rows])
    rng = np.random.default_rng(seed)
    originals = list(zip(rows, splits, strict=True))
    for row, split in originals:
        for _ in range(speed_copies if split == TRAIN else 0):
            percent = float(rng.uniform(-speed_percent, speed_percent))
            stretched = _as_samples(change_speed(row[1].astype(np.float32) / 32768.0, sample_rate_hz, percent))
            if len(stretched) // hop_samples > row[2].shape[1]:
                rows.append((row[0], stretched, row[2], percent))
                splits.append(TRAIN)
    if progress:
        progress(len(clips), len(clips))
    return _lay_out(rows, splits, sample_rate_hz), PackingReport(left_out)


def _check_everybody_is_left(
    clips: Sequence[tuple[Corpus, Clip]], speakers: Sequence[str], left_out: Sequence[tuple[str, str]]
) -> None:
    """A voice that somebody asked for must not be missing without a word."""
    if not clips:
        raise TrainingDataTooSmall(
            "none of 0 clips can be used for training (no accepted clips); see the corpus report"
        )
    lost = sorted({clip.speaker for _, clip in clips} - set(speakers))
    if lost:
        reasons, own = dict(left_out), [clip.id for _, clip in clips if clip.speaker == lost[0]]
        why = "; ".join(f"{each}: {reasons[each]}" for each in own[:3])
        raise TrainingDataTooSmall(
            f'none of {len(own)} clips of speaker "{lost[0]}" can be used for training ({why}); see the corpus report'
        )


def _ids_or_reason(clip: Clip, frames_per_second: float) -> tuple[str, np.ndarray | None]:
    if clip.seconds > LONGEST_SECONDS:
        return f"longer than {LONGEST_SECONDS:g} s", None
    try:
        ids = token_ids(phonemize(clip.text, clip.language))
    except TextError as error:
        return str(error), None
    if ids.shape[1] >= int(clip.seconds * frames_per_second):
        return _too_long(ids, clip.seconds), None
    return "", ids


def _too_long(ids: np.ndarray, seconds: float) -> str:
    return f"{ids.shape[1]} phones in {seconds:.2f} s: the transcript is longer than the audio"


def _lay_out(
    rows: Sequence[tuple[Clip, np.ndarray, np.ndarray, float]], splits: Sequence[int], sample_rate_hz: int
) -> PackedCorpus:
    speakers = sorted({clip.speaker for clip, *_ in rows})
    samples = [wave for _, wave, _, _ in rows]
    return PackedCorpus(
        sample_rate_hz=sample_rate_hz,
        inventory_id=INVENTORY_ID,
        speakers=speakers,
        clip_ids=[clip.id for clip, *_ in rows],
        texts=[clip.text for clip, *_ in rows],
        languages=[clip.language for clip, *_ in rows],
        styles=[clip.style or "" for clip, *_ in rows],
        emotions=[clip.emotion or "" for clip, *_ in rows],
        samples=np.concatenate(samples),
        sample_offsets=offsets([len(wave) for wave in samples]),
        tokens=np.concatenate([ids for _, _, ids, _ in rows], axis=1),
        token_offsets=offsets([ids.shape[1] for _, _, ids, _ in rows]),
        speaker_of=np.array([speakers.index(clip.speaker) for clip, *_ in rows], dtype=np.int64),
        split_of=np.array(splits, dtype=np.int64),
        speed_percent=np.array([percent for *_, percent in rows], dtype=np.float32),
    )


def _as_samples(waveform: np.ndarray) -> np.ndarray:
    return np.round(np.clip(waveform, -1, 32767 / 32768) * 32768).astype(np.int16)
