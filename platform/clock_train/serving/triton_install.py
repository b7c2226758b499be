"""Where the bundled tritonserver lies: inside the nvidia-pytriton wheel, whose Python is never imported.

The server finds its Python backend in a folder that holds the stub of the running Python's version; the wheel keeps
stubs apart, so a folder of links is made for each server.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from clock_train.errors import ServerStartFailed

PACKAGE = "nvidia-pytriton"
STUB = "triton_python_backend_stub"


@dataclass(frozen=True)
class TritonInstall:
    """Folders of the wheel."""

    server: Path
    libraries: Path
    backend: Path
    stub: Path

    def backends(self, folder: Path) -> Path:
        """A backend directory of links in ``folder``."""
        target = folder / "backends" / "python"
        target.mkdir(parents=True, exist_ok=True)
        for source in (*self.backend.iterdir(), self.stub):
            link = target / source.name
            link.unlink(missing_ok=True)
            link.symlink_to(source)
        return target.parent

    def environment(self) -> dict[str, str]:
        """For the server: its libraries, and this Python first, which the stubs take their packages from."""
        return {
            "LD_LIBRARY_PATH": str(self.libraries),
            "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }


def find_triton() -> TritonInstall:
    """The wheel of this environment.

    Raises:
        ServerStartFailed: it is not installed, or has no stub for this Python.
    """
    try:
        site = Path(str(importlib.metadata.distribution(PACKAGE).locate_file("")))
    except importlib.metadata.PackageNotFoundError as error:
        raise ServerStartFailed(
            f'the bundled Triton is not installed; in a checkout "make install" does it, elsewhere "pip install '
            f'--no-deps {PACKAGE}==0.7.0" (x86-64 Linux with glibc 2.35 or newer)'
        ) from error
    root = site / "pytriton" / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = root / "python_backend_stubs" / version / STUB
    if not stub.is_file():
        raise ServerStartFailed(f"the bundled Triton has no stub for Python {version}; use Python 3.11 to 3.13")
    return TritonInstall(
        root / "bin" / "tritonserver", site / "nvidia_pytriton.libs", root / "backends" / "python", stub
    )
