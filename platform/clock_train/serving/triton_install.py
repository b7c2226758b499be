"""Where the bundled tritonserver lies: inside the nvidia-pytriton wheel, whose Python is never imported.

The server finds its Python backend in a folder that holds the stub of the running Python's version; the wheel keeps
stubs apart, so a folder is made for each server.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import sysconfig
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from clock_train.errors import ServerStartFailed

PACKAGE = "nvidia-pytriton"
STUB = "triton_python_backend_stub"


@dataclass(frozen=True)
class TritonInstall:
    """Folders of the wheel."""

    server: Path
    libraries: tuple[Path, ...]
    backend: Path
    stub: Path

    def backends(self, folder: Path) -> Path:
        """A backend directory in ``folder``: links, and a copy of the stub, since Triton sets its mode."""
        target = folder / "backends" / "python"
        target.mkdir(parents=True, exist_ok=True)
        for source in (*self.backend.iterdir(), self.stub):
            # a file that still runs, of a server that was killed, may be unlinked and not written to
            (target / source.name).unlink(missing_ok=True)
        for source in self.backend.iterdir():
            (target / source.name).symlink_to(source)
        shutil.copy(self.stub, target)
        return target.parent

    def environment(self) -> dict[str, str]:
        """For the server: its libraries, and this Python first, which the stubs take their packages from."""
        return {
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, self.libraries)),
            "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }


def find_triton() -> TritonInstall:
    """The wheel of this environment.

    Raises:
        ServerStartFailed: it is not installed, or has no stub for this Python, or Python no shared library.
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
    libraries = (site / "nvidia_pytriton.libs", *_python_library(version))
    return TritonInstall(root / "bin" / "tritonserver", libraries, root / "backends" / "python", stub)


def _python_library(version: str) -> list[Path]:
    """The folder of this Python's shared library, which a stub is linked to; none where the system finds it by itself.

    A stub without it dies before it can say so, and Triton waits for it in vain.

    Raises:
        ServerStartFailed: this Python has none.
    """
    name = f"libpython{version}.so.1.0"
    beside = Path(str(sysconfig.get_config_var("LIBDIR")))
    if (beside / name).is_file():
        return [beside]
    if find_library(f"python{version}") is None:
        raise ServerStartFailed(
            f"Triton needs {name}, which this Python is built without; on Debian and Ubuntu: apt install "
            f"libpython{version}"
        )
    return []
