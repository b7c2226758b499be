"""A disk that is really full: a small file system of its own, mounted in a name space of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPT = """
import datetime, sys
from pathlib import Path
from clock_train.errors import StorageFull
from clock_train.storage.folder import FolderStorage

storage = FolderStorage(Path(sys.argv[1]) / "store")
now = datetime.datetime.now(datetime.timezone.utc)
storage.commit("local/runs/u/attempt-1/checkpoints/step-1", {"weights": bytes(400_000)}, committed_at=now)
try:
    storage.commit("local/runs/u/attempt-1/checkpoints/step-2", {"weights": bytes(4_000_000)}, committed_at=now)
except StorageFull as error:
    print(error)
newest = storage.newest_commit("local/runs/u/attempt-1/checkpoints")
print("newest", newest.step, len(storage.get(newest.prefix + "/weights")))
storage.commit("local/runs/u/attempt-1/checkpoints/step-3", {"weights": bytes(200_000)}, committed_at=now)
print("newest", storage.newest_commit("local/runs/u/attempt-1/checkpoints").step)
"""


def spaces() -> list[str] | None:
    """How this account may mount something; None where it may not."""
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        if shutil.which("unshare") is None:
            return None
        done = subprocess.run(
            [*words, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"], capture_output=True, timeout=30, check=False
        )
        if done.returncode == 0:
            return words
    return None


@pytest.mark.skipif(
    spaces() is None, reason="this account may mount nothing; tests/storage tries a full disk otherwise"
)
def test_a_full_disk_leaves_the_checkpoint_before_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    words = spaces()
    assert words is not None
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    place = tmp_path / "small"
    place.mkdir()
    line = f'mount -t tmpfs -o size=2m none "{place}" && "{sys.executable}" "{script}" "{place}"'
    done = subprocess.run(
        [*words, "sh", "-c", line],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": "platform", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    full, first, last = done.stdout.splitlines()
    assert full.startswith("StorageFull: cannot write") and "Free some room and run again" in full
    assert (first, last) == ("newest 1 400000", "newest 3")
