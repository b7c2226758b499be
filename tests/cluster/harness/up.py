"""A real cluster for a person: brought up, described, and taken down by Ctrl-C.

python -m harness.up
"""

from __future__ import annotations

import contextlib
import signal
import sys

from assets.go import AssetUnavailable
from harness.real_cluster import CannotRunHere, RealCluster


def main() -> int:
    """Run until Ctrl-C or SIGTERM."""
    cluster = RealCluster(kuberay=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt), cluster:
            _describe(cluster)
            signal.pause()
    except (AssetUnavailable, CannotRunHere) as error:
        print(error, file=sys.stderr)
        return 2
    print("the cluster is gone; nothing of it is left", file=sys.stderr)
    return 0


def _describe(cluster: RealCluster) -> None:
    bin_folder = cluster.run.folder.path / "bin"
    print(
        f"three nodes and KubeRay, ready after {cluster.ready_after_s:.0f} s. In another terminal:\n\n"
        f'  export KUBECONFIG="{cluster.plane.kubeconfig("admin")}" PATH="{bin_folder}:$PATH"\n'
        "  kubectl get nodes,pods -A\n\n"
        f"Logs of every component are in {cluster.run.logs}. Ctrl-C here takes everything down.",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
