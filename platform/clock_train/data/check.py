"""Is a corpus folder whole, and is it enough? What ``clocktrain corpus check`` answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clock_train.audio.reading import probe
from clock_train.consent.record import read_record
from clock_train.data.coverage import BASIC_SECONDS, BELOW_BASIC, summarise
from clock_train.data.manifest import Corpus, read_corpus
from clock_train.errors import AudioError, ConsentMissing, CorpusDamaged, CorpusTooShort

MAX_LENGTH_ERROR_S = 0.01
"""Manifests round to a millisecond."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """A corpus that is whole, and its figures as they are now."""

    corpus: Corpus
    figures: dict[str, Any]
    """As `coverage.summarise`, counted again from the manifest."""
    consent: str
    """``statement``, ``licence`` or ``missing``."""


def check_corpus(path: str | Path) -> CheckResult:
    """Read a corpus, open every accepted clip and count again.

    Raises:
        CorpusNotFound, CorpusUnreadable, CorpusDamaged: the folder is not what its manifest says.
        ConsentInvalid: there is a consent record, and it cannot be read or belongs to other recordings.
    """
    corpus = read_corpus(path)
    for clip in corpus.accepted():
        try:
            info = probe(corpus.audio_path(clip))
        except AudioError as error:
            raise CorpusDamaged(f'clip "{clip.id}" cannot be read: {error}. Restore it, or build again') from error
        if abs(info.seconds - clip.seconds) > MAX_LENGTH_ERROR_S:
            raise CorpusDamaged(
                f'clip "{clip.id}" is {info.seconds:.2f} s long, its manifest says {clip.seconds:.2f} s. '
                "Restore it, or build the corpus again"
            )
    try:
        consent = read_record(corpus.path, recordings_sha256=corpus.quality.get("recordings_sha256")).kind
    except ConsentMissing:
        consent = "missing"
    return CheckResult(corpus=corpus, figures=summarise(corpus.clips), consent=consent)


def require_basic(corpus: Corpus) -> None:
    """Refuse a corpus below the article's lowest tier.

    Raises:
        CorpusTooShort: fewer than ten minutes are usable.
    """
    figures = summarise(corpus.clips)
    if figures["tier"] == BELOW_BASIC:
        seconds = figures["seconds_accepted"]
        raise CorpusTooShort(
            f'"{corpus.path}" holds {seconds / 60:.1f} usable minutes, {(BASIC_SECONDS - seconds) / 60:.1f} fewer than '
            "the 10 of a basic voice. Record more (the report says what), or go on with --allow-short"
        )
