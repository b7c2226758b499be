"""Whether a spoken statement is what was asked for: fresh words, the right voice, and a person's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clock_train.audio.reading import read_waveform
from clock_train.compliance.speaker_match import Voiceprints, check_match
from clock_train.consent.challenge import Challenge
from clock_train.errors import StatementSynthetic, StatementUnheard
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.recogniser import LANGUAGES, transcribe
from clock_train.watermark.files import detect_file
from clock_train.watermark.pattern import QuarterKey

MAX_STATEMENT_S = 120.0
MAX_WORD_ERRORS = 0.4
"""Of the random words: two in five. The recogniser is wrong in one word of six on clean prompts, and a replay of
another sentence has none of them."""


@dataclass(frozen=True, kw_only=True)
class StatementEvidence:
    """What was heard."""

    speaker_similarity: float
    word_error_rate: float | None
    """None where there is no recogniser of the language: the words were not checked."""


def check_statement(
    path: Path, challenge: Challenge, recordings: Voiceprints, keys: Sequence[QuarterKey]
) -> StatementEvidence:
    """Pass where the statement says what was asked, in the voice of the recordings, and not by a cloned voice of ours.

    Args:
        path: the sound file, at most two minutes.
        challenge: the sentence that was asked.
        recordings: the voice that it must be in.
        keys: of all marks that this installation can find.
    Raises:
        AudioError: the file cannot be read, or is too long.
        StatementSynthetic: it carries our mark.
        StatementUnheard: the random words are not in it.
        StatementMismatch: it is in another voice.
        JudgeMissing: the judges are not installed.
    """
    waveform = read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ, max_seconds=MAX_STATEMENT_S)
    if keys and detect_file(path, keys).is_detected:
        raise StatementSynthetic(
            f'"{path}" carries the mark of a cloned voice: a statement must be spoken by the person. Let the speaker '
            "say the sentence"
        )
    errors = None
    if challenge.language in LANGUAGES:
        heard = transcribe(waveform, language=challenge.language)
        errors = missed(challenge.words, heard) / len(challenge.words)
        if errors > MAX_WORD_ERRORS:
            raise StatementUnheard(
                f'"{path}" does not say the words that were asked for ({", ".join(challenge.words)}); heard was '
                f'"{" ".join(heard[-12:])}". Say the whole sentence slowly and clearly, in a quiet room'
            )
    found = check_match(waveform, recordings)
    return StatementEvidence(speaker_similarity=found.judged, word_error_rate=errors)


def missed(words: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest errors of these words in a row anywhere in what was heard; words between them cost nothing more than one.

    An edit distance whose beginning and end in ``heard`` are free.
    """
    costs = [0] * (len(heard) + 1)
    for row, word in enumerate(words, start=1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(heard, start=1):
            substituted = diagonal + (word != other)
            diagonal = costs[column]
            costs[column] = min(substituted, diagonal + 1, costs[column - 1] + 1)
    return min(costs)
