"""A real cluster with ClockTrain on it for a person: brought up, described, and taken down by Ctrl-C.

python -m installed
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from assets.go import AssetUnavailable
from harness.real_cluster import CannotRunHere
from installed import manifests
from installed.manifests import NAMESPACE
from installed.platform import Platform, platform


def main() -> int:
    """Run until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=Path, default=Path("build/cluster"), help="folder for manifests to apply")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            tempfile.TemporaryDirectory() as folder,
            platform(Path(folder), say=_say) as running,
        ):
            _describe(running, asked.examples)
            signal.pause()
    except (AssetUnavailable, CannotRunHere) as error:
        print(error, file=sys.stderr)
        return 2
    print("the cluster is gone; nothing of it is left", file=sys.stderr)
    return 0


def _say(text: str) -> None:
    print(f"· {text}", file=sys.stderr, flush=True)


def _describe(running: Platform, examples: Path) -> None:
    base, voice = _write(running, examples)
    cluster = running.cluster
    sign_in = running.tracker
    print(
        "\nthree nodes with KubeRay, ClockTrain and the recordings of two speakers. In another terminal:\n\n"
        f'  export KUBECONFIG="{cluster.plane.kubeconfig("admin")}" PATH="{cluster.run.folder.path / "bin"}:$PATH"\n'
        "  kubectl get nodes,pods -A\n"
        f"  kubectl apply -f {base}        # two workers pretrain a base\n"
        f"  kubectl apply -f {voice}     # a voice that waits for it and is fine-tuned from it\n"
        f"  kubectl get vc -n {NAMESPACE} --watch\n\n"
        f"Curves and sounds: http://127.0.0.1:{running.tracker_port} (user {sign_in['MLFLOW_TRACKING_USERNAME']}, "
        f"password {sign_in['MLFLOW_TRACKING_PASSWORD']}). The bucket: {running.endpoint}.\n"
        f"Logs of every component are in {cluster.run.logs}. Ctrl-C here takes everything down.",
        flush=True,
    )


def _write(running: Platform, folder: Path) -> tuple[Path, Path]:
    """The manifests of a base and of a voice from it, with the revisions that are in the bucket."""
    folder.mkdir(parents=True, exist_ok=True)
    voice = {"allison": running.revisions["allison"]}
    described: dict[str, dict[str, Any]] = {
        "base.json": manifests.clone("base", running.revisions, epochs=100, workers=2),
        "allison.json": manifests.clone("allison", voice, epochs=100, workers=1, base={"cloneRef": {"name": "base"}}),
    }
    for name, manifest in described.items():
        (folder / name).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return folder / "base.json", folder / "allison.json"


if __name__ == "__main__":
    sys.exit(main())
