"""Is the take that was just read good enough to train on, and if not, what does the person do?

Stricter than the corpus check: at the microphone a second try costs five seconds, afterwards it costs a day. The codes
are those of the corpus report where both know the same fault.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clock_train.audio.activity import activity
from clock_train.audio.loudness import clipping_percent, loudness_lufs, peak_dbfs


@dataclass(frozen=True, kw_only=True)
class TakeLimits:
    """What a take has to keep."""

    max_clipping_percent: float = 0.02
    """Three samples in a second: one touch of full scale is audible to nobody, a run of them is."""
    min_speech_dbfs: float = -40.0
    """Below it 16 bits are used as 10."""
    min_snr_db: float = 25.0
    """The article asks for no background noise; 25 dB is the upper end of the noise that training itself adds."""
    edge_s: float = 0.04
    """Speech this near the start or the end was going on outside the take."""
    shortest: float = 0.4
    """Speech, as a share of the expected length."""
    longest: float = 2.5
    slack_s: float = 1.0
    """On top of ``longest``: a one-word line is mostly its own lead and end."""


DEFAULT_LIMITS = TakeLimits()


@dataclass(frozen=True, kw_only=True)
class TakeProblem:
    """One fault: its code and what to do."""

    code: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class TakeReport:
    """The measures of one take, and what is wrong with it, the worst first."""

    seconds: float
    speech_from_s: float
    speech_to_s: float
    """Both 0 without speech."""
    speech_seconds: float
    speech_level_db: float
    noise_floor_db: float
    snr_db: float
    peak_dbfs: float
    loudness_lufs: float
    clipping_percent: float
    problems: tuple[TakeProblem, ...]

    @property
    def is_good(self) -> bool:
        """Nothing is wrong with it."""
        return not self.problems


def check_take(
    waveform: np.ndarray,
    sample_rate_hz: int,
    *,
    expected_seconds: float | None = None,
    has_gaps: bool = False,
    limits: TakeLimits = DEFAULT_LIMITS,
) -> TakeReport:
    """Measure one take.

    Args:
        waveform: (T,) float32, [-1, 1], from the start key to the stop key.
        sample_rate_hz: its rate.
        expected_seconds: how long reading the line takes; None checks no length.
        has_gaps: the computer lost samples while recording.
        limits: what counts as good.
    """
    found = activity(waveform, sample_rate_hz)
    seconds = len(waveform) / sample_rate_hz
    speech_seconds = sum(end - start for start, end in found.segments)
    clipping = clipping_percent(waveform)
    problems = []

    def note(code: str, advice: str) -> None:
        problems.append(TakeProblem(code=code, advice=advice))

    if has_gaps:
        note("SamplesLost", "The computer was too busy and lost samples: close other programs and read it again.")
    if not found.segments:
        note("Silent", "No speech was heard: check that the right microphone is chosen, plugged in and not muted.")
    else:
        if clipping > limits.max_clipping_percent:
            note("Clipped", "Too loud, the level hit full scale: lower the gain or move back a hand's width.")
        if found.speech_level_db < limits.min_speech_dbfs:
            note("TooQuiet", "Too quiet: raise the gain or move closer to the microphone.")
        if found.snr_db < limits.min_snr_db:
            note(
                "TooNoisy", f"The voice is only {found.snr_db:.0f} dB above the room: switch off fans, shut the window."
            )
        if found.segments[0][0] <= limits.edge_s:
            note("CutOffStart", "The start is cut off: press Enter, breathe in, then speak.")
        if found.segments[-1][1] >= seconds - limits.edge_s:
            note("CutOffEnd", "The end is cut off: finish speaking, wait a moment, then press Enter.")
        if expected_seconds and speech_seconds < limits.shortest * expected_seconds:
            note("TooShort", "Much shorter than the line: read all of it.")
        if expected_seconds and speech_seconds > limits.longest * expected_seconds + limits.slack_s:
            note("TooLong", "Much longer than the line: read only what is shown, without a break.")
    return TakeReport(
        seconds=seconds,
        speech_from_s=found.segments[0][0] if found.segments else 0.0,
        speech_to_s=found.segments[-1][1] if found.segments else 0.0,
        speech_seconds=speech_seconds,
        speech_level_db=found.speech_level_db,
        noise_floor_db=found.noise_floor_db,
        snr_db=found.snr_db,
        peak_dbfs=peak_dbfs(waveform),
        loudness_lufs=loudness_lufs(waveform, sample_rate_hz),
        clipping_percent=clipping,
        problems=tuple(problems),
    )
