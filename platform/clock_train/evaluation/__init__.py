"""Judges that training never sees: waveforms in, numbers out, each with a floor and a ceiling where there is one.

All waveforms are (T,) float32 in [-1, 1] at 16 kHz, mono. A judge that is not installed or does not know the language
raises ``JudgeMissing``; ``report.evaluate`` turns that into a row that says so, never into silence.
"""
