"""What a worker tells its driver, as JSON: the relay between them reads nothing of it, and nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clock_train import errors
from clock_train.errors import ClockTrainError
from clock_train.models.config_text import from_plain, to_plain
from clock_train.training.loop import FitResult, StepReport


@dataclass(frozen=True)
class Began:
    """The workers stand, and go on from a step, or from nothing."""

    step: int | None
    workers: int


@dataclass(frozen=True)
class Warned:
    """Something that a person should know."""

    text: str


Message = Began | Warned | StepReport | FitResult | ClockTrainError
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Began, Warned, StepReport, FitResult)}


def encode(messages: Sequence[Message]) -> bytes:
    """Messages in their order."""
    return json.dumps([_plain(message) for message in messages]).encode()


def decode(content: bytes) -> list[Message]:
    """The messages that ``encode`` was given."""
    return [_message(kind, values) for kind, values in json.loads(content)]


def is_last(message: Message) -> bool:
    """Whether nothing follows it, and nothing may be tried again."""
    return isinstance(message, FitResult | ClockTrainError)


def _plain(message: Message) -> tuple[str, Any]:
    if isinstance(message, ClockTrainError):
        return message.code, message.args[0]
    return type(message).__name__, to_plain(message)


def _message(kind: str, values: Any) -> Message:
    return from_plain(_KINDS[kind], values) if kind in _KINDS else getattr(errors, kind)(values)
