"""A machine that cannot run a real cluster is told what it lacks, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.real_cluster import CannotRunHere, RealCluster
from harness.run_folder import runs_folder


def test_without_root_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(CannotRunHere, match="needs root: run make e2e as root, or keep to make test"):
        RealCluster().start()


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(CannotRunHere, match=r"needs runc, iptables, ip, .*apt install .*runc iptables"):
        RealCluster().start()
    assert not runs_folder().exists(), "nothing was begun"
