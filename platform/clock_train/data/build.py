"""Recordings in, corpus out: every step of ``clocktrain corpus build``.

The corpus is written into a hidden folder beside the target and renamed when it is whole: an old corpus stays when the
new one fails, recordings are only ever read, and a run that was killed leaves nothing that looks like a corpus.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clock_train.data.clip_cutting import BuildOptions, ClipCutter
from clock_train.data.consistency import Draft, compare
from clock_train.data.coverage import summarise
from clock_train.data.languages import choose_language
from clock_train.data.layouts import Layout, recognise
from clock_train.data.manifest import (
    ATTRIBUTION_NAME,
    MANIFEST_NAME,
    QUALITY_NAME,
    REJECTED_FOLDER,
    Corpus,
    read_corpus,
    write_manifest,
)
from clock_train.data.replacing import put_in_place, workplace
from clock_train.data.report_html import write_report
from clock_train.errors import (
    ConfigError,
    ConsentInvalid,
    CorpusNotFound,
    CorpusTooShort,
)


def build_corpus(
    recordings: str | Path,
    out: str | Path,
    *,
    speaker: str | None = None,
    transcripts: str | Path | None = None,
    language: str | None = None,
    sample_rate_hz: int = 16_000,
    report: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Corpus:
    """Turn recordings and their texts into a corpus folder.

    Args:
        recordings: folder or one long take; any layout of `layouts.LayoutKind`.
        out: the corpus folder; an older corpus there is replaced once the new one is whole.
        speaker: name of the voice; needed unless the layout names its speakers.
        transcripts: file or folder of texts, found by itself when absent.
        language: code such as ``en``; found from the texts when absent.
        sample_rate_hz: of the corpus.
        report: receives (done, total, what) as the work goes on.
    Returns:
        The corpus as written; ``quality["tier"]`` says whether it is enough.
    Raises:
        CorpusNotFound, CorpusUnreadable, CorpusUnwritable, CorpusDiskFull, TranscriptMissing, TranscriptDuplicated,
        TranscriptEncoding, TranscriptUnclear, TranscriptTooLong, TranscriptLanguageMismatch: nothing was written.
        CorpusTooShort: not one clip is usable and an older corpus was kept.
    """
    options = BuildOptions(
        speaker=speaker,
        transcripts_path=Path(transcripts) if transcripts else None,
        language=language,
        sample_rate_hz=sample_rate_hz,
    )
    layout = _with_chosen_speaker(recognise(recordings, options.transcripts_path), options, Path(recordings))
    texts = [recording.text for recording in layout.recordings] + [line for take in layout.takes for line in take.lines]
    chosen = choose_language([text for text in texts if text], options.language)
    options = replace(options, language=chosen)
    out = Path(out)
    with workplace(out) as temporary:
        cutter = ClipCutter(temporary, options, layout, report)
        drafts = cutter.drafts()
        _settle(temporary, drafts, layout, options, cutter.findings)
        corpus = read_corpus(temporary)
        write_report(corpus)
        if not corpus.accepted() and (out / MANIFEST_NAME).exists():
            raise CorpusTooShort(
                f'no clip of {len(corpus.clips)} is usable ({_reason_counts(corpus)}); the corpus in "{out}" was kept. '
                "Build into a new folder to see the report"
            )
        put_in_place(temporary, out)
    return replace(corpus, path=out)


def _settle(
    folder: Path, drafts: list[Draft], layout: Layout, options: BuildOptions, findings: list[dict[str, Any]]
) -> None:
    """Compare the clips with each other and write everything but the sound."""
    compared = compare(drafts)
    clips = []
    for draft in drafts:
        clip = draft.clip
        added = compared.reasons.get(clip.id, [])
        if added and clip.is_accepted:
            path = f"{REJECTED_FOLDER}/{clip.id}.flac"
            (folder / clip.path).replace(folder / path)
            clip = replace(clip, path=path, verdict="rejected", reasons=added)
        clips.append(clip)
    clips.sort(key=lambda clip: (clip.speaker, clip.origin.file, clip.origin.start_s, clip.id))
    quality = summarise(clips)
    quality |= {
        "layout": layout.kind.value,
        "language": options.language,
        "sample_rate_hz": options.sample_rate_hz,
        "notes": layout.notes,
        "warnings": compared.warnings,
        "takes": findings,
        "recordings_sha256": _recordings_digest(layout),
    }
    write_manifest(folder / MANIFEST_NAME, clips)
    (folder / QUALITY_NAME).write_text(json.dumps(quality, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    attribution = layout.attribution or "The recordings came without an attribution: they are the speaker's own."
    (folder / ATTRIBUTION_NAME).write_text(
        f"{attribution.rstrip()}\n\nChanged for this corpus: cut at pauses, trimmed, mixed to one channel, "
        f"resampled to {options.sample_rate_hz} Hz and stored as 16-bit FLAC.\n",
        encoding="utf-8",
    )


def _with_chosen_speaker(layout: Layout, options: BuildOptions, root: Path) -> Layout:
    if not layout.has_speakers:
        if options.speaker is None:
            raise ConfigError(f'"{root}" does not say who speaks. Name the voice with --speaker')
        return layout
    if options.speaker is None:
        return layout
    kept = [recording for recording in layout.recordings if recording.speaker == options.speaker]
    if not kept:
        names = sorted({recording.speaker for recording in layout.recordings if recording.speaker})
        raise CorpusNotFound(
            f'"{root}" has no speaker "{options.speaker}"; it has {len(names)}: {", ".join(names[:8])}. '
            "Leave --speaker out to take all"
        )
    return replace(layout, recordings=kept)


def recordings_to_build(recordings: str | Path, transcripts: str | Path | None = None) -> tuple[list[Path], str]:
    """The sound files that ``build_corpus`` would read, and their digest: what a consent record pins.

    Raises:
        CorpusError: one of its leaves, for what recordings can be.
    """
    layout = recognise(recordings, Path(transcripts) if transcripts else None)
    return [path for path in _sound_files(layout).values() if path.is_file()], _recordings_digest(layout)


def built_from(corpus: Corpus) -> str:
    """The digest of the recordings that a corpus was built from.

    Raises:
        ConsentInvalid: it does not say, so no consent fits it.
    """
    digest = corpus.quality.get("recordings_sha256")
    if not isinstance(digest, str):
        raise ConsentInvalid(
            f'"{corpus.path}" does not say from which recordings it was built (recordings_sha256 in its quality.json), '
            "so no consent fits it. Build it again"
        )
    return digest


def _sound_files(layout: Layout) -> dict[str, Path]:
    paths = {recording.file: recording.path for recording in layout.recordings}
    return paths | {file: path for take in layout.takes for file, path in zip(take.files, take.paths, strict=True)}


def _recordings_digest(layout: Layout) -> str:
    """One number for all recordings that were read: what a consent record pins."""
    digest = hashlib.sha256()
    paths = _sound_files(layout)
    for file in sorted(paths):
        if paths[file].is_file():
            with paths[file].open("rb") as stream:
                digest.update(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file}\n".encode())
    return digest.hexdigest()


def _reason_counts(corpus: Corpus) -> str:
    counts: dict[str, int] = {}
    for clip in corpus.clips:
        for reason in clip.reasons:
            counts[reason] = counts.get(reason, 0) + 1
    return ", ".join(f"{code} {count}" for code, count in sorted(counts.items(), key=lambda item: -item[1]))
