"""``make bench-operator``: sizes, repeats and soak by option; table, picture and raw CSV in a folder."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from harness.control_plane import ControlPlane
from operator_bench.output import write_all
from operator_bench.regimes import Figure, Regimes, Row
from operator_bench.scene import Scene

PLAYED = (
    "Real: etcd (without fsync), API server, controllers, scheduler, KubeRay, the operator. Played by kwok: nodes and "
    "pods, at most 20 pods a second; no image is pulled, no Ray runs, nothing is trained."
)

REGIMES = ("bare", "burst", "steady", "rest", "kopf")


def main(words: list[str]) -> int:
    """Run and print; 0 even where a target is missed."""
    asked = _arguments(words)
    load = os.getloadavg()
    began = time.monotonic()
    figures: list[Figure] = []
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, ControlPlane() as plane:
        scene = Scene(plane, Path(folder))
        operator = scene.ready_operator()
        scene.learn_template()
        scene.stop_operator(operator)
        for repeat in range(asked.repeats):
            for size in asked.sizes:
                one = Regimes(scene, size, repeat)
                try:
                    _measure(scene, one, asked)
                finally:
                    figures += one.figures
                    rows += one.rows
                    write_all(asked.out, _heading(load, began, asked), figures, rows)
    print("\n" + (asked.out / "table.md").read_text(encoding="utf-8"))
    print(f"Table, picture and raw CSV: {asked.out}")
    return 0


def _measure(scene: Scene, one: Regimes, asked: argparse.Namespace) -> None:
    """Baselines and the operator one after another, on the same control plane."""
    scene.room_for(one.size)
    bare_s = one.bare_burst() if "bare" in asked.regimes else None
    if {"burst", "steady", "rest"} & set(asked.regimes):
        operator = scene.ready_operator()
        try:
            if "burst" in asked.regimes:
                one.burst(operator, bare_s)
            if "steady" in asked.regimes:
                one.steady(asked.rate, min(one.size, asked.steady))
            if "rest" in asked.regimes:
                operator = one.at_rest(operator, asked.soak)
        finally:
            scene.stop_operator(operator)
    if "kopf" in asked.regimes:
        one.kopf_burst()


def _heading(load: tuple[float, float, float], began: float, asked: argparse.Namespace) -> list[str]:
    now = os.getloadavg()
    return [
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, kopf {version('kopf')}; "
        f"load average {load[0]:.1f} before, {now[0]:.1f} at the end, {time.monotonic() - began:.0f} s in all, "
        f"{asked.repeats} repeat{'s' if asked.repeats != 1 else ''}.",
        PLAYED,
    ]


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-operator", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100], help="clones at once")
    parser.add_argument("--repeats", type=int, default=1, help="of everything, interleaved")
    parser.add_argument("--rate", type=float, default=5.0, help="steady arrivals a second")
    parser.add_argument("--steady", type=int, default=100, help="most clones of the steady arrivals")
    parser.add_argument("--soak", type=float, default=60.0, help="seconds of idle watching")
    parser.add_argument(
        "--regimes", nargs="+", choices=REGIMES, default=list(REGIMES), help="rest: soak, restart, storm"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-operator"), help="folder for table, picture and CSV")
    asked = parser.parse_args(words)
    if min(asked.sizes) < 1 or asked.repeats < 1 or asked.rate <= 0 or asked.steady < 1 or asked.soak <= 0:
        parser.error("sizes, repeats, rate, steady and soak must be above 0")
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
