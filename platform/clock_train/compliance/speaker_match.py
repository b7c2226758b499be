"""Whether a spoken statement and the recordings are of one voice.

Two listeners must agree: the judge's d-vector (Resemblyzer) and the project's own voiceprint, which no training made.
The bounds come from `pipelines/speaker_match_trial.py` on the sample recordings; docs/consent.md has the error rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clock_train.audio.activity import speech_segments
from clock_train.audio.mfcc import mfcc
from clock_train.audio.reading import read_waveform
from clock_train.audio.voiceprint import embed, long_term_statistics
from clock_train.data.manifest import Corpus
from clock_train.errors import StatementMismatch, WaveformUnjudgeable
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.speaker_similarity import embeddings, heard_parts

LEAST_STATEMENT_S = 4.0
"""Of speech; below it, words decide more than the voice does."""
NUM_CLIPS = 24
"""Of the recordings, the longest, spread over the manifest."""
LEAST_JUDGED = 0.83
"""Cosine of the d-vectors of statement and recordings."""
LEAST_OWN = 0.10
"""Cosine of the own voiceprints."""


@dataclass(frozen=True, kw_only=True)
class Voiceprints:
    """Two vectors of one voice."""

    judged: np.ndarray
    """(256,) float32 of unit length."""
    own: np.ndarray
    """(256,) float32 of unit length."""


@dataclass(frozen=True, kw_only=True)
class SpeakerMatch:
    """Two cosines, and what they come to."""

    judged: float
    own: float

    @property
    def is_same(self) -> bool:
        """Whether both listeners hear one voice."""
        return self.judged >= LEAST_JUDGED and self.own >= LEAST_OWN


def voiceprints_of(waveforms: Sequence[np.ndarray]) -> Voiceprints:
    """Of one voice that is heard in all of these.

    Args:
        waveforms: (T,) float32 each, at 16 kHz.
    Raises:
        WaveformUnjudgeable: no second of speech in all of them.
        JudgeMissing: Resemblyzer is not installed.
    """
    mean = np.mean(embeddings([heard_parts(waveform) for waveform in waveforms]), axis=0)
    frames = [
        mfcc(waveform[round(start * JUDGE_RATE_HZ) : round(end * JUDGE_RATE_HZ)])
        for waveform in waveforms
        for start, end in speech_segments(waveform, JUDGE_RATE_HZ)
        if end - start >= 0.2
    ]
    if not frames:
        raise WaveformUnjudgeable("no speech is heard in it. Give a recording of somebody who speaks.")
    own = embed(long_term_statistics(np.concatenate(frames, axis=1)))
    return Voiceprints(judged=mean / np.linalg.norm(mean), own=own)


def match(one: Voiceprints, other: Voiceprints) -> SpeakerMatch:
    """How alike two voices are."""
    return SpeakerMatch(judged=float(one.judged @ other.judged), own=float(one.own @ other.own))


def corpus_voiceprints(corpus: Corpus, speaker: str) -> Voiceprints:
    """Of a corpus' speaker, from the longest of its accepted clips.

    Raises:
        WaveformUnjudgeable: the speaker has no clip in it.
    """
    clips = sorted((clip for clip in corpus.accepted() if clip.speaker == speaker), key=lambda clip: -clip.seconds)
    if not clips:
        raise WaveformUnjudgeable(f'"{corpus.path}" has no accepted clip of "{speaker}". Name a speaker that it has.')
    return voiceprints_of(
        [read_waveform(corpus.path / clip.path, sample_rate_hz=JUDGE_RATE_HZ) for clip in clips[:NUM_CLIPS]]
    )


def check_match(statement: np.ndarray, recordings: Voiceprints) -> SpeakerMatch:
    """Pass where statement and recordings are of one voice.

    Args:
        statement: (T,) float32 at 16 kHz.
        recordings: `corpus_voiceprints`.
    Raises:
        StatementMismatch: they are not, or too little is said to tell; the message has the figures.
        JudgeMissing: Resemblyzer is not installed.
    """
    speech_s = sum(end - start for start, end in speech_segments(statement, JUDGE_RATE_HZ))
    if speech_s < LEAST_STATEMENT_S:
        raise StatementMismatch(
            f"the statement has {speech_s:.1f} s of speech, and a voice is told apart from {LEAST_STATEMENT_S:g} s on. "
            "Say the whole sentence"
        )
    found = match(voiceprints_of([statement]), recordings)
    if not found.is_same:
        raise StatementMismatch(
            f"the statement is in another voice than the recordings (judge {found.judged:.2f}, at least "
            f"{LEAST_JUDGED}; own voiceprint {found.own:.2f}, at least {LEAST_OWN}). The speaker of the recordings "
            "must say it, in the same room and with the same microphone where possible"
        )
    return found
