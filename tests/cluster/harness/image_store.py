"""Images unpacked once and shared by every node.

A node's containerd keeps what it unpacks in its own folder, so that three nodes would take three times the disk and the
time. Here one containerd, without the part that talks to kubelet, unpacks everything; each node then begins with hard
links to its files. Lower layers are only ever read, so that sharing them is safe; the databases are copied.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.private_space import Space
from harness.processes import Process
from harness.run import Run

READY_LIMIT_S = 60.0
IMPORT_LIMIT_S = 900.0
"""An image with torch's CUDA libraries took most of a minute; the rest is for a slow disk."""
CLONE_LIMIT_S = 300.0


class ImageStore:
    """Open for `add` until `close`; then `clone_to` as often as there are nodes."""

    def __init__(self, run: Run, space: Space, programs: Mapping[str, Path]) -> None:
        self._folder = run.folder.path / "image-store"
        self._folder.mkdir()
        self._socket = self._folder / "containerd.sock"
        self._client = [*space.enter, str(programs["ctr"]), "--address", str(self._socket), "--namespace", "k8s.io"]
        self._environment = run.environment()
        config = self._folder / "containerd.toml"
        config.write_text(
            f"""\
version = 3
root = "{self._folder / "root"}"
state = "{self._folder / "state"}"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
  address = "{self._socket}"
""",
            encoding="utf-8",
        )
        self._containerd = Process(
            "image-store",
            [*space.enter, programs["containerd"], "-c", config],
            log_path=run.logs / "image-store.log",
            environment=self._environment,
            is_ready=self._answers,
        )
        self._containerd.start()
        self._containerd.wait_ready(READY_LIMIT_S)

    def add(self, archive: Path) -> None:
        """Unpack the images of an archive.

        Raises:
            RuntimeError: it holds no image that containerd reads.
        """
        self._ctr(IMPORT_LIMIT_S, "images", "import", str(archive))

    def close(self) -> None:
        """Let the databases be written out."""
        self._containerd.stop()

    def clone_to(self, root: Path) -> None:
        """Give a node's containerd, which does not run yet, everything that was added."""
        golden = self._folder / "root"
        subprocess.run(["cp", "-al", str(golden), str(root)], check=True, timeout=CLONE_LIMIT_S)
        for database in golden.rglob("*.db"):
            copy = root / database.relative_to(golden)
            copy.unlink()
            shutil.copyfile(database, copy)
        # It holds the identity of the containerd that it was; each node makes one of its own.
        shutil.rmtree(root / "io.containerd.grpc.v1.introspection", ignore_errors=True)

    def _answers(self) -> bool:
        try:
            self._ctr(READY_LIMIT_S, "version")
        except RuntimeError:
            return False
        return True

    def _ctr(self, limit_s: float, *words: str) -> None:
        run = subprocess.run(
            [*self._client, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(f"ctr {' '.join(words)} failed: {(run.stderr or run.stdout).strip()[-1000:]}")
