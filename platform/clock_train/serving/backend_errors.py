"""An error that crossed Triton: raised by a voice's backend as one of ours, read back from the words that arrive."""

from __future__ import annotations

import re

from clock_train import errors
from clock_train.errors import ClockTrainError

_CODE = re.compile(r"\b([A-Z][A-Za-z]+): ")


def coded_error(words: str) -> ClockTrainError | None:
    """The error that a backend raised; None where the words hold no code of ``errors``."""
    for found in _CODE.finditer(words):
        kind = getattr(errors, found[1], None)
        if isinstance(kind, type) and issubclass(kind, ClockTrainError):
            said = without_place(words[found.end() :])
            return kind(said.removeprefix(found[0]))  # Python names the class before what the error says itself
    return None


def without_place(words: str) -> str:
    """The words of an error of a backend without the lines of code that it came from; Triton's log has them."""
    return words.partition("\n\nAt:")[0].strip()
