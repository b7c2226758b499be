"""When personal data is spoken in a clip: the forced aligner's times of the words around it.

A word that the dictionary lacks has no time of its own, and the aligner gives its sound to a neighbour; then everything
from the beginning of the word before to the beginning of the next sure word counts. English only: where nothing is
aligned, nobody can say when, and the whole clip counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from clock_train.compliance.personal_data.kinds import Finding
from clock_train.errors import JudgeMissing, JudgeUndecided, TextError, WaveformUnjudgeable
from clock_train.evaluation.forced_alignment import align_words
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.text.native import normalize

MARGIN_S = 0.1
"""On both sides: twice the distance within which a word's start counts as right."""
_ENTRY = re.compile(r"\S+")


def spoken_spans(
    text: str, findings: Sequence[Finding], waveform: np.ndarray, *, language: str
) -> list[tuple[float, float]] | None:
    """Seconds in which the findings are spoken; None where that cannot be told.

    Args:
        text: what is said.
        findings: in that text.
        waveform: (T,) float32 at 16 kHz.
        language: of the text.
    """
    entries = list(_ENTRY.finditer(text))
    try:
        spoken = [normalize(entry[0], language) for entry in entries]
        aligned = align_words(spoken, waveform, language=language)
    except (JudgeMissing, JudgeUndecided, WaveformUnjudgeable, TextError):
        return None
    timings = {word.index: word for word in aligned.words}
    end_s = len(waveform) / JUDGE_RATE_HZ
    spans = []
    for finding in findings:
        inside = [i for i, entry in enumerate(entries) if entry.start() < finding.end and finding.start < entry.end()]
        first, last = inside[0], inside[-1]
        if all(index in timings for index in inside):
            begin, end = timings[first].start_s, timings[last].end_s
        else:
            begin = max((timings[i].start_s for i in timings if i < first), default=0.0)
            end = min((timings[i].start_s for i in timings if i > last), default=end_s)
        spans.append((max(0.0, begin - MARGIN_S), min(end_s, end + MARGIN_S)))
    return spans
