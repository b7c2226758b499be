"""Parts of the bench of marks that are asked for alone."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What takes minutes instead of an hour."""

    SPEED = "speed"
    AUDIBILITY = "audibility"
