"""NVIDIA's perf_analyzer, unchanged, against a voice on our Triton.

Its binary lies in the data folder of an old wheel of tritonclient, which is unpacked into the cache and not installed;
two libraries that it wants come from a wheel and a Debian package.

    PYTHONPATH=platform:tests/cluster .venv/bin/python tests/serving/perf_analyzer.py
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from assets.build import assets_folder, say_on_stderr
from assets.go import AssetUnavailable
from clock_train.cli.measurements.isolation import measure
from clock_train.cli.measurements.served_voices import models, serving
from clock_train.data.prompts import prompts
from clock_train.data.sample import _download
from clock_train.errors import ClockTrainError

WHEELS = {
    "tritonclient==2.47.0": "754ab373a45306be0c45afbcde06838179d04561694f6d15e138530153aee581",
    "nvidia-cuda-runtime-cu12==12.9.79": "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
}
"""Name and version → sha256; later wheels of tritonclient have no binary."""
PLATFORMS = ("manylinux1_x86_64", "manylinux2014_x86_64")
LIBRARY_PACKAGE = "libb64-0d"
FETCH_S, SWEEP_S = 300, 280
CLIENTS = (1, 2, 4, 8, 16, 32, 64)
SENTENCES = 20


def perf_analyzer() -> tuple[Path, str]:
    """The binary, and the library path that it needs; fetched once into the cache of test programs.

    Raises:
        AssetUnavailable: no network, no apt, or another machine than x86-64 Linux.
    """
    folder = assets_folder() / "perf-analyzer-2.47.0"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            _fetch(Path(temporary))
            (Path(temporary) / "ready").replace(folder)
    (binary,) = folder.rglob("perf_analyzer")
    libraries = [str(next(folder.rglob(name)).parent) for name in ("libb64.so.0d", "libcudart.so.12")]
    return binary, os.pathsep.join(libraries)


def sweep(
    address: str, model: str, texts: Sequence[str], *, clients: Sequence[int], requests: int
) -> list[dict[str, str]]:
    """Perf_analyzer's own table, a row a number of clients.

    Args:
        address: of Triton's gRPC.
        model: that is asked.
        texts: asked in turn.
        clients: at once.
        requests: in each of its windows.

    Raises:
        RuntimeError: what it said where a request failed, or it did.
    """
    binary, libraries = perf_analyzer()
    with tempfile.TemporaryDirectory() as folder:
        asked, table = Path(folder) / "asked.json", Path(folder) / "table.csv"
        contents = [list(text.encode()) for text in texts]
        data = [{"text": {"content": content, "shape": [len(content)]}} for content in contents]
        asked.write_text(json.dumps({"data": data}), encoding="ascii")
        command = [str(binary), "-m", model, "-u", address, "-i", "grpc", "--streaming", "--async"]
        command += ["--input-data", str(asked), "--measurement-mode", "count_windows", "-f", str(table)]
        command += ["--measurement-request-count", str(requests), "--stability-percentage", "100"]
        rows = []
        for count in clients:
            done = subprocess.run(
                [*command, "--concurrency-range", str(count)], capture_output=True, text=True, check=False,
                env={**os.environ, "LD_LIBRARY_PATH": libraries}, timeout=SWEEP_S,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"perf_analyzer ended with {done.returncode}: {(done.stdout + done.stderr)[-1000:]}")
            rows += csv.DictReader(table.read_text(encoding="ascii").splitlines())
    return rows


def _fetch(folder: Path) -> None:
    """Everything unpacked in ``folder / "ready"``."""
    ready = folder / "ready"
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--dest", str(folder)]
    pip += [word for name in PLATFORMS for word in ("--platform", name)]
    try:
        for command in ([sys.executable, "-m", "venv", str(folder / "venv")], [*pip, *WHEELS]):
            subprocess.run(command, check=True, capture_output=True, timeout=FETCH_S)
        _download([LIBRARY_PACKAGE], folder, time.monotonic() + FETCH_S, say_on_stderr)
        (package,) = folder.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), str(ready)], check=True, capture_output=True, timeout=FETCH_S)
    except (OSError, subprocess.SubprocessError, ClockTrainError) as error:
        said = getattr(error, "stderr", None) or b""
        raise AssetUnavailable(f"no perf_analyzer: {error} {said.decode(errors='replace').strip()[-500:]}") from error
    wheels = sorted(folder.glob("*.whl"))
    found = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    if found != set(WHEELS.values()):
        raise RuntimeError(f"{', '.join(wheel.name for wheel in wheels)} are not the wheels that were pinned")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(ready)
    next(ready.rglob("perf_analyzer")).chmod(0o755)


def main() -> int:
    """Serve one student of random weights, sweep, print the table."""
    texts = [prompt.text for prompt in prompts("en")[:SENTENCES]]
    with tempfile.TemporaryDirectory() as folder:
        written = measure("bench_voice", {"folder": folder, "num_voices": 1}, timeout_s=FETCH_S, threads=1)
        if written.failure:
            raise SystemExit(written.failure)
        with serving(Path(folder), 1) as server:
            rows = sweep(server.address, models(1)[0], texts, clients=CLIENTS, requests=100)
    print("| clients | requests/s | first chunk p50 | p95 | p99 |\n|---|---|---|---|---|")
    for row in rows:
        delays = " | ".join(f"{int(row[f'{name} latency']) / 1e3:.0f} ms" for name in ("p50", "p95", "p99"))
        print(f"| {row['Concurrency']} | {float(row['Inferences/Second']):.1f} | {delays} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
