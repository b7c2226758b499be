"""How long clusters take and what memory they need, as a table; docs/test-cluster.md quotes it.

python -m harness.measure            # control planes, no root
python -m harness.measure --real     # three real nodes as well, root
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness.control_plane import ControlPlane
from harness.run_folder import RunFolder
from harness.waiting import eventually

POD_LIMIT_S = 60.0


def main(words: list[str]) -> None:
    """Print the table."""
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start\n")
    print("| what | figure |\n|---|---|")
    _row("control plane with nothing else: ready after", _ready_and_stop({"nodes": {}, "kuberay": False}))
    _row("the same with 8 kwok nodes", _ready_and_stop({"kuberay": False}))
    with ControlPlane() as plane:
        _row("the same with KubeRay", f"{plane.ready_after_s:.1f} s")
        _row("a pod, from its creation to Running on a kwok node", f"{_timed(lambda: _run_pod(plane)):.2f} s")
        for name, process in plane.processes.items():
            _row(f"memory of {name}", f"{_memory_mb([process.pid]):.0f} MB")
        _row("processes of one control plane", str(len(plane.run.folder.processes())))
        restarted = _timed(lambda: plane.restart("apiserver"))
        _row("API server stopped in order and ready again", f"{restarted:.1f} s")
    if "--real" in words:
        _measure_real()


def _measure_real() -> None:
    from harness.real_cluster import RealCluster

    cluster = RealCluster()
    try:
        cluster.start()
        _row("three real nodes Ready and DNS up after", f"{cluster.ready_after_s:.1f} s")
        for name in ("containerd", "kubelet", "kube-proxy"):
            pids = [node.processes[name].pid for node in cluster.nodes]
            _row(f"memory of {name}, a node", f"{_memory_mb(pids) / len(pids):.0f} MB")
        _row("KubeRay's kinds served and its pod Ready, after another", f"{_timed(cluster.start_kuberay):.1f} s")
        _row("memory of the whole cluster's processes", f"{_memory_mb(cluster.run.folder.processes()):.0f} MB")
        _row("its folder on disk", f"{_disk_mb(cluster.run.folder):.0f} MB")
    finally:
        stopped = _timed(cluster.stop)
    _row("stopped, with nothing left, after", f"{stopped:.1f} s")


def _ready_and_stop(settings: dict) -> str:
    plane = ControlPlane(**settings)
    plane.start()
    return f"{plane.ready_after_s:.1f} s, stopped in {_timed(plane.stop):.1f} s"


def _run_pod(plane: ControlPlane) -> None:
    pod = {"metadata": {"name": "timed"}, "spec": {"containers": [{"name": "main", "image": "played-by-kwok"}]}}
    plane.new_namespace("timed")
    plane.api.create("/api/v1/namespaces/timed/pods", pod)
    eventually(lambda: plane.pods("timed")[0]["status"]["phase"] == "Running", timeout_s=POD_LIMIT_S)


def _timed(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def _memory_mb(pids: list[int]) -> float:
    """The processes' share of memory: pages that several map are counted once, divided between them."""
    total_kb = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue  # ended since
        total_kb += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total_kb / 1000


def _disk_mb(folder: RunFolder) -> float:
    return sum(path.lstat().st_blocks * 512 for path in folder.path.rglob("*")) / 1e6


def _row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
