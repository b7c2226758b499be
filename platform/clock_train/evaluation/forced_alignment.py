"""Where each word begins: pocketsphinx aligned to a known text.

The yardstick for a model's own alignment, which is judged by its word starts on natural recordings and by nothing that
the model optimises. Words that the dictionary lacks are left out of the alignment, and so is the start of the word
after them, since the aligner gives their sound to a neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from clock_train.errors import JudgeUndecided
from clock_train.evaluation.judge_library import judge_library
from clock_train.evaluation.judged_waveform import judged_waveform, pcm_bytes
from clock_train.evaluation.recogniser import check_language
from clock_train.evaluation.spoken_words import spoken_words

JUDGE = "the forced aligner"
FRAMES_PER_SECOND = 100
CLOSE_S = 0.050
"""Within this a word start counts as right: about one phone, and twice the aligner's own spread."""


@dataclass(frozen=True, kw_only=True)
class WordTiming:
    """When one word is spoken; ``index`` counts the words of the text, so that two alignments can be matched."""

    index: int
    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class ForcedAlignment:
    """The words that could be placed, in order, and those that could not."""

    words: tuple[WordTiming, ...]
    skipped: tuple[str, ...]
    """Not in the dictionary, or after such a word."""


@dataclass(frozen=True, kw_only=True)
class WordStartErrors:
    """How far a hypothesis is from the reference, in seconds."""

    errors_s: tuple[float, ...]
    """Absolute, one for each word that both have."""

    @property
    def median_s(self) -> float:
        """The median, which a few lost words do not move."""
        return float(np.median(self.errors_s)) if self.errors_s else float("nan")

    @property
    def share_within_50_ms(self) -> float:
        """0 to 1."""
        if not self.errors_s:
            return float("nan")
        return float(np.mean(np.asarray(self.errors_s) <= CLOSE_S))


def align_words(words: str | Sequence[str], waveform: np.ndarray, *, language: str = "en") -> ForcedAlignment:
    """Place the words of a text in a recording of it.

    Args:
        words: the text, or its words; an entry of several spoken words (``twenty-one``) has the start of the first.
        waveform: (T,) float32 at 16 kHz.
        language: only ``en`` has a model in the wheel.
    Raises:
        JudgeMissing: pocketsphinx is not installed, or knows no such language.
        JudgeUndecided: no word is known, or the audio does not fit the text.
    """
    check_language(language)
    waveform = judged_waveform(waveform)
    entries = spoken_words(words) if isinstance(words, str) else list(words)
    decoder = _decoder()
    spoken: list[tuple[int, str]] = []
    skipped: list[str] = []
    unreliable = set()
    for index, entry in enumerate(entries):
        parts = spoken_words(entry)
        if parts and all(decoder.lookup_word(part) is not None for part in parts):
            spoken.extend((index, part) for part in parts)
        else:
            skipped.append(entry)
            unreliable.update({index, index + 1})
    if not spoken:
        raise JudgeUndecided(f"none of the words {entries} is in the aligner's dictionary. Leave the text out.")
    spans = _spans(decoder, [part for _, part in spoken], waveform)
    timings: dict[int, WordTiming] = {}
    for (index, _), (start_s, end_s) in zip(spoken, spans, strict=True):
        begun = timings.get(index)
        timings[index] = WordTiming(
            index=index, word=entries[index], start_s=begun.start_s if begun else start_s, end_s=end_s
        )
    skipped += [timing.word for index, timing in timings.items() if index in unreliable]
    reliable = tuple(timing for index, timing in timings.items() if index not in unreliable)
    return ForcedAlignment(words=reliable, skipped=tuple(skipped))


def word_start_errors(reference: Sequence[WordTiming], hypothesis: Sequence[WordTiming]) -> WordStartErrors:
    """Distances of word starts, over the words (by index) that both have."""
    starts_s = {word.index: word.start_s for word in hypothesis}
    return WordStartErrors(
        errors_s=tuple(abs(word.start_s - starts_s[word.index]) for word in reference if word.index in starts_s)
    )


def _spans(decoder: Any, words: list[str], waveform: np.ndarray) -> list[tuple[float, float]]:
    decoder.reinit_feat()  # forgets the recording before
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    try:
        decoder.process_raw(pcm_bytes(waveform), no_search=False, full_utt=True)
    finally:
        decoder.end_utt()
    # pauses are <sil> and [NOISE]; a second pronunciation is your(2)
    segments = [segment for segment in decoder.seg() or () if segment.word[0] not in "<["]
    found = [segment.word.split("(")[0] for segment in segments]
    if found != words:
        raise JudgeUndecided(
            f"the aligner found no path through {len(waveform) / 16_000:.2f} s of sound for {' '.join(words)!r}. "
            "Check that the text is what is spoken."
        )
    return [
        (segment.start_frame / FRAMES_PER_SECOND, (segment.end_frame + 1) / FRAMES_PER_SECOND) for segment in segments
    ]


@lru_cache(maxsize=1)
def _decoder() -> Any:
    pocketsphinx = judge_library("pocketsphinx", JUDGE)
    # its own decoder: an alignment replaces the search that the recogniser needs. The beams stay as they are: up to
    # 1e-120 they changed nothing on sixteen prompts, and at 1e-200 half of the alignments failed
    return pocketsphinx.Decoder(cmn="batch", loglevel="FATAL", samprate=16000, lm=None)
