"""Can it be understood: word error rate of a small recogniser, always beside the same figure on natural speech.

Pocketsphinx is old and weak (0.15 to 0.2 on clean natural prompts), but independent, offline and small. Only the gap
to the natural recordings means anything; the absolute rate is not comparable with that of a modern recogniser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from clock_train.errors import EvaluationError, JudgeMissing
from clock_train.evaluation.judge_library import judge_library
from clock_train.evaluation.judged_waveform import judged_waveform, pcm_bytes
from clock_train.evaluation.spoken_words import spoken_words

JUDGE = "the recogniser"
LANGUAGES = ("en",)
MAX_HYPOTHESES = 5_000
"""A frame; the default of 30,000 costs 1.4 times the processor time on noisy speech and changed 1 word in 139."""


@dataclass(frozen=True, kw_only=True)
class WordErrors:
    """Errors of one utterance; rates of many are pooled, errors over words, so that short texts do not dominate."""

    num_errors: int
    num_words: int
    heard: str

    @property
    def rate(self) -> float:
        """Above 1 where more words were heard than spoken."""
        return self.num_errors / self.num_words


def transcribe(waveform: np.ndarray, *, language: str = "en") -> list[str]:
    """The words that the recogniser hears.

    Args:
        waveform: (T,) float32 at 16 kHz.
        language: only ``en`` has a model in the wheel.
    Raises:
        JudgeMissing: pocketsphinx is not installed, or knows no such language.
    """
    check_language(language)
    waveform = judged_waveform(waveform)
    decoder = load()
    # forgets what was heard before: without it the words of one utterance depended on the one before it
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(pcm_bytes(waveform), no_search=False, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr.split() if hypothesis else []


def word_errors(reference_text: str, waveform: np.ndarray, *, language: str = "en") -> WordErrors:
    """Substituted, missing and added words of one utterance against its text.

    Raises:
        EvaluationError: the text has no words.
        JudgeMissing: as ``transcribe``.
    """
    check_language(language)
    reference = spoken_words(reference_text)
    if not reference:
        raise EvaluationError(f"the text {reference_text!r} has no words to recognise. Leave it out of the test set.")
    heard = transcribe(waveform, language=language)
    return WordErrors(num_errors=edit_distance(reference, heard), num_words=len(reference), heard=" ".join(heard))


def word_error_rate(reference_text: str, waveform: np.ndarray, *, language: str = "en") -> float:
    """Word errors over words of the text; 0 is best."""
    return word_errors(reference_text, waveform, language=language).rate


def edit_distance(reference: Sequence[object], hypothesis: Sequence[object]) -> int:
    """The least number of substitutions, deletions and insertions (Levenshtein) between words, phones or letters."""
    distances = list(range(len(hypothesis) + 1))
    for row, expected in enumerate(reference, start=1):
        diagonal, distances[0] = distances[0], row
        for column, found in enumerate(hypothesis, start=1):
            substituted = diagonal + (expected != found)
            diagonal = distances[column]
            distances[column] = min(substituted, diagonal + 1, distances[column - 1] + 1)
    return distances[-1]


def check_language(language: str) -> None:
    """Raises ``JudgeMissing`` where no acoustic model is packaged for the language."""
    if language not in LANGUAGES:
        raise JudgeMissing(
            f"the recogniser and the forced aligner know {', '.join(LANGUAGES)}, not {language!r}. "
            "Judge this language by similarity and by distances to the recordings."
        )


@lru_cache(maxsize=1)
def load() -> Any:
    """The decoder with its English models.

    Raises:
        JudgeMissing: pocketsphinx is not installed.
    """
    pocketsphinx = judge_library("pocketsphinx", JUDGE)
    return pocketsphinx.Decoder(cmn="batch", loglevel="FATAL", samprate=16000, maxhmmpf=MAX_HYPOTHESES)
