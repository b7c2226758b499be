"""A tritonserver that ends again and again: how long it is waited for, and when and how it is given up."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from footprint import descendants, is_alive  # pyright: ignore[reportMissingImports]
from front_process import front  # pyright: ignore[reportMissingImports]
from served_voices import bundles_of, installation_trusting  # pyright: ignore[reportMissingImports]
from until import WITHIN_S, until  # pyright: ignore[reportMissingImports]

from clock_train.errors import ServerUnavailable
from clock_train.issuing.installation import Installation
from clock_train.serving import triton_server
from clock_train.serving.triton_install import TritonInstall, find_triton
from clock_train.serving.triton_server import LONGEST_PAUSE_S, MOST_RESTARTS, TritonServer

pytestmark = pytest.mark.ring2


class Unhurried(threading.Event):
    """Writes down for how long it was to be waited for, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses_s.append(timeout or 0.0)
        return self.is_set()


@dataclass
class Breakable:
    """A real server whose program ends with 1 while ``broken`` is there."""

    server: TritonServer
    broken: Path
    unhurried: Unhurried = field(default_factory=Unhurried)
    tries: list[bool] = field(default_factory=list)
    """Of starting again: whether it came up."""

    def restart(self, code: int) -> bool:
        self.tries.append(TritonServer._restart(self.server, code))
        return self.tries[-1]

    def kill(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)


@pytest.fixture
def breakable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Breakable]:
    real, program, broken = find_triton(), tmp_path / "tritonserver", tmp_path / "broken"
    fails = f'if [ -e "{broken}" ]; then echo "no such device"; exit 1; fi'
    program.write_text(f'#!/bin/sh\n{fails}\nexec "{real.server}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(triton_server, "find_triton", lambda: replace(real, server=program))
    server = TritonServer(tmp_path / "repository", installation=Installation(tmp_path / "issuing"))
    running = Breakable(server, broken)
    server._is_stopping = running.unhurried
    monkeypatch.setattr(server, "_restart", running.restart)
    with server:
        yield running


def test_starts_that_fail_are_tried_later_and_later_and_a_good_one_forgets_them(
    breakable: Breakable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triton_server, "RESTARTS_WITHIN_S", 0.0)  # never too often
    pauses_s = breakable.unhurried.pauses_s
    breakable.broken.touch()
    breakable.kill()
    until(lambda: len(pauses_s) >= 8, "it is tried again and again")
    assert pauses_s[:8] == [0.0, 0.5, 1.0, 2.0, 4.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    breakable.broken.unlink()
    until(lambda: breakable.tries[-1], "it is back")
    del pauses_s[:]
    breakable.kill()
    until(lambda: pauses_s, "it is started again")
    assert pauses_s == [0.0]


def test_a_server_that_does_not_start_is_given_up_with_its_last_words(
    breakable: Breakable, caplog: pytest.LogCaptureFixture
) -> None:
    breakable.broken.touch()
    breakable.kill()
    until(lambda: breakable.server.failure is not None, "it is given up")
    assert breakable.server.num_restarts == MOST_RESTARTS
    assert breakable.unhurried.pauses_s == [0.0, 0.5, 1.0, 2.0, 4.0], "and not waited for once more"
    assert "no such device" in caplog.text
    with pytest.raises(ServerUnavailable, match="ended 6 times within 60 s, the last time with 1, and is not started"):
        breakable.server.load("duo-v1")


def test_a_disk_that_is_full_while_it_is_started_again_is_tried_again(
    breakable: Breakable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backends = TritonInstall.backends

    def full_at_first(self: TritonInstall, folder: Path) -> Path:
        if len(breakable.tries) < 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        return backends(self, folder)

    monkeypatch.setattr(TritonInstall, "backends", full_at_first)
    breakable.kill()
    until(lambda: len(breakable.tries) == 3, "it is tried again")
    assert breakable.tries == [False, False, True] and breakable.server.failure is None
    assert "ServerStartFailed: tritonserver cannot be started: " in caplog.text
    assert "(No space left on device); free some room there" in caplog.text


def test_a_triton_killed_again_and_again_ends_the_front_with_3_and_leaves_nothing(tmp_path: Path) -> None:
    bundles, key = bundles_of(tmp_path)
    installation_trusting(tmp_path / "issuing", key)
    with front(bundles["duo-v1"], tmp_path / "issuing") as served:
        seen: dict[int, list[str]] = {}
        killed: set[int] = set()
        end = time.monotonic() + WITHIN_S
        while served.process.poll() is None:
            assert time.monotonic() < end, served.log_path.read_text()
            for pid in descendants(served.process.pid):
                seen[pid] = command_of(pid) or seen.get(pid, [])  # one that has ended has none any more
            for pid in [pid for pid, words in seen.items() if is_triton(words) and pid not in killed]:
                if listens(served.triton):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            time.sleep(0.02)
        assert (served.process.returncode, len(killed)) == (3, MOST_RESTARTS + 1)
        last = served.log_path.read_text(encoding="utf-8").splitlines()[-1]
        assert last.startswith("ServerUnavailable: tritonserver ended 6 times within 60 s, the last time with 137")
        until(lambda: not any(map(is_alive, seen)), "nothing runs any more")
    words = {word for command in seen.values() for word in command}
    places = [Path(word) for word in words if Path(word).name.startswith("clocktrain-triton-")]
    prefixes = [word.rpartition("=")[2] for word in words if "shm-region-prefix-name=" in word]
    assert places and not any(place.exists() for place in places)
    assert len(prefixes) == len(killed)
    assert not [path for prefix in prefixes for path in Path("/dev/shm").glob(f"{prefix}*")]


def command_of(pid: int) -> list[str]:
    try:
        return [word for word in Path(f"/proc/{pid}/cmdline").read_text().split("\0") if word]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_triton(command: list[str]) -> bool:
    return bool(command) and Path(command[0]).name == "tritonserver"


def listens(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return not probe.connect_ex((host, int(port)))
