"""What a machine must have for the bundled Triton to run a voice, told before anything is started."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from clock_train.errors import ServerStartFailed
from clock_train.serving import triton_install
from clock_train.serving.triton_install import find_triton


def without_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: str | None) -> None:
    real = sysconfig.get_config_var
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: str(tmp_path) if name == "LIBDIR" else real(name))
    monkeypatch.setattr(triton_install, "find_library", lambda name: found)


def test_a_python_without_its_shared_library_is_named_with_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_library(monkeypatch, tmp_path, None)
    with pytest.raises(ServerStartFailed, match=r"needs libpython3\.\d+\.so\.1\.0.*apt install libpython3\.\d+"):
        find_triton()


def test_a_library_of_the_system_needs_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_library(monkeypatch, tmp_path, "libpython3.so")
    assert len(find_triton().libraries) == 1


def test_a_stub_is_the_servers_own_and_may_be_run(tmp_path: Path) -> None:
    """Triton sets its mode, which only its owner may: that of a shared install is root's."""
    install = find_triton()
    stub = install.backends(tmp_path) / "python" / triton_install.STUB
    assert stub.is_file() and not stub.is_symlink() and stub.stat().st_uid == os.geteuid()
    assert stub.stat().st_mode & stat.S_IXUSR
    assert stub.read_bytes() == install.stub.read_bytes()
    install.backends(tmp_path)  # a server that is started again


def test_a_stub_that_still_runs_does_not_keep_a_server_from_starting_again(tmp_path: Path) -> None:
    install = find_triton()
    sleeping = replace(install, stub=tmp_path / triton_install.STUB)
    shutil.copy("/bin/sleep", sleeping.stub)
    running = subprocess.Popen([sleeping.backends(tmp_path / "server") / "python" / triton_install.STUB, "60"])
    try:
        sleeping.backends(tmp_path / "server")
    finally:
        running.kill()
        running.wait(10)
