"""Sound like speech with known properties, and keys, for tests that need no recordings."""

from __future__ import annotations

from datetime import date

import numpy as np
from scipy.signal import lfilter

from clock_train.watermark.embed import embed
from clock_train.watermark.keys import TenantKeys, new_keys
from clock_train.watermark.pattern import QuarterKey
from clock_train.watermark.payload import Payload

RATE_HZ = 16_000
DAY = date(2026, 6, 1)
PAYLOAD = Payload.from_hex("00400100c2b5")


def speech(seconds: float = 8.0, *, seed: int = 0, pitch_hz: float = 120.0) -> np.ndarray:
    """Syllables of pulses and hiss through moving formants, with pauses; (T,) float32."""
    rng = np.random.default_rng(seed)
    pieces, length = [], 0
    while length < seconds * RATE_HZ:
        size = int(rng.uniform(0.12, 0.3) * RATE_HZ)
        phase = np.cumsum(pitch_hz * rng.uniform(0.85, 1.2) * (1 + 0.1 * np.linspace(-1, 1, size))) / RATE_HZ
        source = (np.diff(np.floor(phase), prepend=0) > 0) * 1.0 + 0.02 * rng.standard_normal(size)
        if rng.uniform() < 0.3:
            source = 0.1 * rng.standard_normal(size)
        formants = rng.uniform([250, 900, 2200, 3300], [800, 2000, 3000, 4500])
        for hz, bandwidth_hz in zip(formants, (60, 90, 150, 300), strict=True):
            radius = np.exp(-np.pi * bandwidth_hz / RATE_HZ)
            poles = [1, -2 * radius * np.cos(2 * np.pi * hz / RATE_HZ), radius**2]
            source = np.asarray(lfilter([1 - radius], poles, source))
        pieces += [source * np.hanning(size), np.zeros(int(rng.choice([0.0, 0.02, 0.15]) * RATE_HZ))]
        length += size + len(pieces[-1])
    sound = np.concatenate(pieces)[: round(seconds * RATE_HZ)]
    sound = 0.3 * sound / np.abs(sound).max() + 1e-4 * rng.standard_normal(len(sound))
    return sound.astype(np.float32)


def tenant(name: str = "acme", first_day: date = DAY) -> TenantKeys:
    return new_keys(name, first_day)


def marked(
    sound: np.ndarray,
    key: QuarterKey,
    *,
    payload: Payload = PAYLOAD,
    request_id: str = "request",
    rate_hz: int = RATE_HZ,
) -> np.ndarray:
    return embed(sound, rate_hz, key, payload, request_id=request_id)[0]
