"""What the attributes of SSML mean in seconds and in speed."""

from __future__ import annotations

import re
from collections.abc import Mapping

STRENGTHS_S = {"none": 0.0, "x-weak": 0.15, "weak": 0.3, "medium": 0.5, "strong": 0.8, "x-strong": 1.2}
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
MIN_SPEED, MAX_SPEED = 0.25, 4.0
_TIME = re.compile(r"\+?(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})(ms|s)", re.ASCII)
_RATE = re.compile(r"([+-]?)(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})(%?)", re.ASCII)


def break_s(attributes: Mapping[str, str]) -> float:
    """Length of a ``break``; its time before its strength.

    Raises:
        ValueError: a time or a strength that there is not.
    """
    if "time" in attributes:
        match = _TIME.fullmatch(attributes["time"])
        if match is None:
            raise ValueError(f'"{attributes["time"][:40]}" is no time; write it as 500ms or 1.5s')
        return float(match[1]) / (1000 if match[2] == "ms" else 1)
    strength = attributes.get("strength", "medium")
    if strength not in STRENGTHS_S:
        raise ValueError(f'"{strength[:40]}" is no strength; give one of {", ".join(STRENGTHS_S)}')
    return STRENGTHS_S[strength]


def faster(speed: float, rate: str) -> float:
    """A speed with a ``rate`` of ``prosody``.

    A word is that speed, ``80%`` and ``0.8`` are that much of what it was, ``+20%`` is a fifth more of it.

    Raises:
        ValueError: no rate, or a speed that cannot be spoken.
    """
    if rate in RATES:
        return RATES[rate]
    match = _RATE.fullmatch(rate)
    if match is None or (match[1] and not match[3]):
        raise ValueError(f'"{rate[:40]}" is no rate; give one of {", ".join(RATES)}, or 80%, +20% or 0.8')
    amount = float(match[2]) / (100 if match[3] else 1)
    result = speed * (1 + amount if match[1] == "+" else 1 - amount if match[1] == "-" else amount)
    if not MIN_SPEED <= result <= MAX_SPEED:
        raise ValueError(f"the rate {rate} makes the speed {result:g}; it may be {MIN_SPEED:g} to {MAX_SPEED:g}")
    return round(result, 6)
