"""A corpus without the personal data in its transcripts, and on request in its sound.

A clip whose text held some is left out of training (its text no longer says what is heard) and is kept as a rejected
one with the kinds in brackets. Its sound goes away, or, on request, is kept with silence or a tone where the words are
spoken; where nobody can say when they are, the whole clip is covered.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from clock_train.audio.reading import probe, read_waveform
from clock_train.audio.resampling import resample
from clock_train.audio.writing import write_flac
from clock_train.compliance.accepted import ACCEPTED_NAME, accepted_clips
from clock_train.compliance.personal_data.finding import find_personal_data
from clock_train.compliance.personal_data.kinds import Finding
from clock_train.compliance.personal_data.masking import masked
from clock_train.compliance.personal_data.sound_masking import SoundMask, masked_sound
from clock_train.compliance.personal_data.word_times import spoken_spans
from clock_train.consent.record import record_paths
from clock_train.data.coverage import summarise
from clock_train.data.manifest import (
    ATTRIBUTION_NAME,
    MANIFEST_NAME,
    QUALITY_NAME,
    REJECTED_FOLDER,
    Clip,
    Corpus,
    read_corpus,
    write_manifest,
)
from clock_train.data.replacing import put_in_place, workplace
from clock_train.errors import CorpusUnwritable
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ

REASON = "PersonalData"
_TEXTS = ("takes",)
"""Entries of ``quality.json`` that repeat what was said."""


@dataclass(kw_only=True)
class Masking:
    """What was masked."""

    clips: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    """Clips whose sound was covered from end to end, since nobody could say when the words are spoken."""


def mask_corpus(
    corpus: Corpus,
    out: Path,
    *,
    sound: SoundMask | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Masking:
    """Write the corpus anew, without personal data.

    Args:
        corpus: to be read.
        out: a new folder, or an older corpus that is replaced.
        sound: what covers the words; None leaves the sound of those clips out.
        report: hears how many clips were looked at.
    Raises:
        CorpusUnwritable, CorpusDiskFull: ``out`` cannot be written, or is the corpus itself.
        AudioError: a clip cannot be read.
    """
    if out.exists() and out.resolve() == corpus.path.resolve():
        raise CorpusUnwritable(
            f'"{out}" is the corpus itself; name a new folder with --out, and remove the old one then'
        )
    made, accepted = Masking(), accepted_clips(corpus)
    with workplace(out) as folder:
        clips = []
        for number, clip in enumerate(corpus.clips):
            found = [] if clip.id in accepted else find_personal_data(clip.text)
            clips.append(_masked(clip, found, corpus, folder, sound, made) if found else _kept(clip, corpus, folder))
            report(number + 1, len(corpus.clips))
        write_manifest(folder / MANIFEST_NAME, clips)
        quality = {name: value for name, value in corpus.quality.items() if name not in _TEXTS} | summarise(clips)
        (folder / QUALITY_NAME).write_text(json.dumps(quality, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        for path in [corpus.path / ATTRIBUTION_NAME, corpus.path / ACCEPTED_NAME, *record_paths(corpus.path)]:
            if path.is_file():
                _copied(path, folder / path.relative_to(corpus.path))
        read_corpus(folder)
        put_in_place(folder, out)
    return made


def _kept(clip: Clip, corpus: Corpus, folder: Path) -> Clip:
    if clip.path and corpus.audio_path(clip).is_file():
        _copied(corpus.audio_path(clip), folder / clip.path)
    return clip


def _masked(
    clip: Clip, found: list[Finding], corpus: Corpus, folder: Path, sound: SoundMask | None, made: Masking
) -> Clip:
    made.clips.append(clip.id)
    path = ""
    if sound is not None and clip.path and corpus.audio_path(clip).is_file():
        path = f"{REJECTED_FOLDER}/{clip.id}.flac"
        _cover(clip, found, corpus.audio_path(clip), folder / path, sound, made)
    reasons = [*clip.reasons, *([] if REASON in clip.reasons else [REASON])]
    return replace(clip, text=masked(clip.text, found), path=path, verdict="rejected", reasons=reasons)


def _cover(clip: Clip, found: list[Finding], source: Path, target: Path, sound: SoundMask, made: Masking) -> None:
    rate_hz = probe(source).sample_rate_hz
    waveform = read_waveform(source, sample_rate_hz=rate_hz)
    spans = spoken_spans(clip.text, found, resample(waveform, rate_hz, JUDGE_RATE_HZ), language=clip.language)
    if spans is None:
        made.whole.append(clip.id)
        spans = [(0.0, len(waveform) / rate_hz)]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_flac(target, masked_sound(waveform, rate_hz, spans, sound), rate_hz)


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
