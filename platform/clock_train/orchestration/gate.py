"""Whether a voice reached what its clone asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clock_train.crd.v1alpha1 import Gate

SIMILARITY = "speaker_similarity/speech"
ERROR_RATES = ("word_error_rate", "phone_error_rate")
"""The recogniser's figure: of words where there is one for the language, of phones elsewhere."""


@dataclass(frozen=True, kw_only=True)
class GateVerdict:
    """One line of the gate."""

    line: str
    asked: float
    measured: float | None
    """None: the judge does not exist for the language, or is not installed."""

    @property
    def reason(self) -> str:
        """``Passed``, ``Missed`` or ``JudgeMissing``."""
        if self.measured is None:
            return "JudgeMissing"
        at_least = self.line == "minSpeakerSimilarity"
        holds = self.measured >= self.asked if at_least else self.measured <= self.asked
        return "Passed" if holds else "Missed"

    def __str__(self) -> str:
        if self.measured is None:
            return f"{self.line} {self.asked:g}: no judge for it here; leave the line out, or install the judge"
        return f"{self.line} {self.asked:g}: {self.reason.lower()} with {self.measured:.3f}"


def judge(gate: Gate | None, metrics: Mapping[str, float]) -> list[GateVerdict]:
    """Each line of the gate against the figures of an evaluation; a synthetic judge's figures are never asked for."""
    if gate is None:
        return []
    verdicts = []
    if gate.min_speaker_similarity is not None:
        asked = float(gate.min_speaker_similarity)
        verdicts.append(GateVerdict(line="minSpeakerSimilarity", asked=asked, measured=metrics.get(SIMILARITY)))
    if gate.max_error_rate_above_natural is not None:
        asked = float(gate.max_error_rate_above_natural)
        verdicts.append(GateVerdict(line="maxErrorRateAboveNatural", asked=asked, measured=_above_natural(metrics)))
    return verdicts


def _above_natural(metrics: Mapping[str, float]) -> float | None:
    for rate in ERROR_RATES:
        speech, natural = metrics.get(f"{rate}/speech"), metrics.get(f"{rate}/natural")
        if speech is not None and natural is not None:
            return speech - natural
    return None
