"""The mark in a voice's own speech: the same sentences spoken marked and, in an installation of its own, unmarked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from clock_train.audio.resampling import resample
from clock_train.cli.measurements import sound_attacks as attacks
from clock_train.cli.measurements.audibility import noise_to_mask, pesq_wideband, snr_db
from clock_train.cli.measurements.watermark_robustness import interval
from clock_train.data.prompts import prompts
from clock_train.evaluation.targets import Figure
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer
from clock_train.issuing.switch import switch_off, switch_on
from clock_train.models.speech import Voice
from clock_train.watermark.detect import detect

RATE_HZ = 16_000
LINES = 2
"""Prompts in one text: about 8 s."""
TRIALS = {
    "clean": (lambda x, rng: x, 99.9),
    "MP3 64 kbit/s": (attacks.mp3(64), 99),
    "white noise 20 dB": (attacks.noise(20), 98),
    "speed -5 %": (attacks.speed(0.95), 98),
    "Opus 16 kbit/s": (attacks.opus(16), 95),
    "telephone call": (attacks.telephone, 95),
}


def rows(voice_folder: Path, num_texts: int) -> Iterator[Figure]:
    """Robustness and audibility in the speech of one voice.

    Args:
        voice_folder: of a trained voice.
        num_texts: that are spoken, in the voice's first language where we have prompts in it, else in English.
    """
    with tempfile.TemporaryDirectory(prefix="clocktrain-synthetic-") as folder:
        installation = Installation(Path(folder))
        voice = Voice.load(voice_folder, issuer=Issuer(installation))
        language = next((each for each in voice.card.languages if each in ("en", "zh")), "en")
        lines = [prompt.text for prompt in prompts(language)]
        texts = [" ".join(lines[n * LINES : (n + 1) * LINES]) for n in range(num_texts)]
        marked = [_at_16k(voice, text) for text in texts]
        payload = voice.last_issue.origin.payload if voice.last_issue else ""
        today = datetime.now(UTC).date()
        keys = installation.keys(today).detection_keys(today)
        switch_off(installation, reason="the same speech without its mark, for comparison", by="bench")
        plain = [_at_16k(voice, text) for text in texts]
        switch_on(installation, by="bench")
    for name, (attack, least) in TRIALS.items():
        found = [detect(attack(each, np.random.default_rng(n)), keys) for n, each in enumerate(marked)]
        hits = sum(each.is_detected for each in found)
        exact = sum(each.payload is not None and each.payload.hex == payload for each in found)
        note = f"{hits} of {num_texts}, {interval(hits, num_texts)}; payload {exact}"
        title = f"own speech, {name}"
        yield Figure(title=title, measured=100 * hits / num_texts, unit="%", at_least=least, note=note)
    pairs = list(zip(plain, marked, strict=True))
    scores = [score for score in (pesq_wideband(*pair) for pair in pairs) if score is not None]
    ratios = [snr_db(*pair) for pair in pairs]
    lowest = f"lowest {min(scores):.2f}" if scores else "not available: pip install pesq (its build needs a C compiler)"
    mean = float(np.mean(scores)) if scores else None
    yield Figure(title="own speech, PESQ, mean", measured=mean, at_least=4.45, note=lowest)
    note = f"lowest {min(ratios):.1f}"
    yield Figure(title="own speech, SNR, mean", measured=float(np.mean(ratios)), unit="dB", at_least=28, note=note)
    masked = float(np.mean([noise_to_mask(*pair)[0] for pair in pairs]))
    yield Figure(title="own speech, noise to mask, mean", measured=masked, unit="dB", at_most=0.0)


def _at_16k(voice: Voice, text: str) -> np.ndarray:
    return resample(voice.say(text), voice.sample_rate_hz, RATE_HZ)
