"""Loading a judge's library, or saying how to get it."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

from clock_train.errors import JudgeMissing

INSTALL_COMMAND = 'uv sync --extra judge   (or: pip install "clock-train[judge]")'


def judge_library(name: str, judge: str) -> ModuleType:
    """Import a library of the judge extra.

    Raises:
        JudgeMissing: it, or something that it imports, is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pkg_resources and scipy.ndimage announce their retirement on every import
            return importlib.import_module(name)
    except ImportError as cause:
        raise JudgeMissing(f"{judge} needs {name}, which cannot be loaded ({cause}). Run: {INSTALL_COMMAND}") from cause
