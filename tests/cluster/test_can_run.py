"""A machine that is too small for ClockTrain on a real cluster is told so before anything is built."""

from __future__ import annotations

import shutil
from collections import namedtuple

import pytest

from harness.real_cluster import CannotRunHere
from installed import can_run

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(can_run, "check_machine", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, 100e9))
    monkeypatch.setattr(can_run, "MEMORY_GB", 0)


def test_a_machine_with_all_of_it_can() -> None:
    assert can_run.main() == 0


def test_what_a_node_lacks_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise CannotRunHere("a real cluster needs root")

    monkeypatch.setattr(can_run, "check_machine", refuse)
    assert can_run.main() == 3
    assert "needs root" in capsys.readouterr().err


def test_little_disk_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, 5e9))
    assert can_run.main() == 3
    assert "GB are needed and 5 GB are free" in capsys.readouterr().err


def test_little_memory_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(can_run, "MEMORY_GB", 10_000)
    assert can_run.main() == 3
    assert "needs 10000 GB of memory" in capsys.readouterr().err


def test_missing_tools_of_the_images_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    assert can_run.main() == 3
    assert "apt install buildah debootstrap" in capsys.readouterr().err
