"""The wheel carries ``conf/`` and composes from it where no checkout is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_wheel_composes_from_its_own_conf(tmp_path: Path) -> None:
    uv = ROOT / ".uv" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("uv is not installed in this checkout")
    build = [
        uv,
        "build",
        "--wheel",
        "--offline",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "-o",
        tmp_path,
        ROOT,
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode and "hatchling" in done.stderr:
        done = subprocess.run(
            [part for part in build if part not in ("--offline", "--no-build-isolation")],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    shipped = sorted(path.relative_to(tmp_path / "installed" / "clock_train" / "conf") for path in
                     (tmp_path / "installed" / "clock_train" / "conf").rglob("*.yaml"))  # fmt: skip
    assert shipped == sorted(path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*.yaml"))
    code = (
        "from clock_train.config.composing import compose, conf_path; print(conf_path()); "
        "assert compose('basic')['name'] == 'Basic'"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "installed" / "clock_train" / "conf")
