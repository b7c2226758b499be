"""Asking a server of voices from Python: ``SpeechClient``, and ``AsyncSpeechClient`` for event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clock_train.client.asking import AsyncSpeechClient
    from clock_train.client.blocking import SpeechClient
    from clock_train.client.sounds import Spoken, SpokenPiece

__all__ = ["AsyncSpeechClient", "SpeechClient", "Spoken", "SpokenPiece"]
_HOMES = {"AsyncSpeechClient": "asking", "SpeechClient": "blocking", "Spoken": "sounds", "SpokenPiece": "sounds"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"clock_train.client.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'clock_train.client' has no attribute {name!r}")
