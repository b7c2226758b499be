"""What a started process gets on its path."""

from __future__ import annotations

from pathlib import Path

import pytest

import clock_train
from clock_train.orchestration.import_path import import_path

ROOT = Path(clock_train.__file__).parents[1]


def test_a_checkout_is_named_before_what_was_named_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert import_path() == {"PYTHONPATH": f"{ROOT}:/elsewhere"}


def test_an_installed_package_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(ROOT))
    assert import_path() == {}, "a backport beside it would hide a module of Python's own"
