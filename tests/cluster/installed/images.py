"""The project's images as archives, built once for each state of what is in them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from assets.build import assets_folder

ROOT = Path(__file__).parents[3]
IMAGES = ("operator", "trainer", "gateway", "triton")
SOURCES = ("platform", "operators", "conf", "images", "uv.lock", "pyproject.toml")
BUILD_LIMIT_S = 3_000.0
"""Cold on two cores that others used as well, the trainer took eight minutes."""


def image_archives() -> list[Path]:
    """An archive of each image, built where there is none of these sources.

    Raises:
        CalledProcessError: the build failed; what it said is above.
    """
    folder = assets_folder() / "images"
    archives = [folder / f"clocktrain-{name}.tar" for name in IMAGES]
    stamp = folder / "built-from"
    state = _state_of_sources()
    if all(path.exists() for path in archives) and stamp.exists() and stamp.read_text() == state:
        return archives
    stamp.unlink(missing_ok=True)
    words = [sys.executable, "images/build.py", *IMAGES, "--folder", str(folder / "build")]
    subprocess.run([*words, "--archive", str(folder)], cwd=ROOT, check=True, timeout=BUILD_LIMIT_S)
    stamp.write_text(state)
    return archives


def image_name(image: str) -> str:
    """As the build names it."""
    return f"localhost/clocktrain-{image}:{version('clock-train')}"


def _state_of_sources() -> str:
    """The commit's files and what differs from them in the working tree."""
    said = [
        subprocess.run(["git", *words, *SOURCES], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for words in (["ls-tree", "-r", "HEAD"], ["diff", "HEAD", "--"])
    ]
    return "".join(said)
