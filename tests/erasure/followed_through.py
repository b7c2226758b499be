"""A voice's whole life on one machine, listed before and after its speaker takes the consent back.

    PYTHONPATH=platform:tests/cluster python tests/erasure/followed_through.py

The Italian sample becomes a corpus with revisions in a MinIO that keeps versions, a voice tracked in MLflow, a bundle
in Triton. Then the consent is revoked, the door refuses, everything is erased, and the receipt is proved. What is still
there at the end ends it with an error. Training has a minute: nobody is to understand the voice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))
sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))
from front_process import front  # pyright: ignore[reportMissingImports]
from minio_server import MinioServer  # pyright: ignore[reportMissingImports]

SPEAKER, LANGUAGE, CPU_SECONDS = "sample-it", "it", "60"
READY_S, REFUSED_S, COMMAND_S = 120.0, 30.0, 1800.0
BIN = Path(sys.executable).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as name, MinioServer(Path(name) / "minio") as server:
        folder, bucket = Path(name), server.new_bucket()
        server.client().set_bucket_versioning(bucket, VersioningConfig(ENABLED))
        os.environ.update(server.environment(), CLOCKTRAIN_ISSUING=str(folder / "issuing"))
        os.chdir(folder)
        clocktrain("demo", "--workers", "0", "--language", LANGUAGE, "--max-cpu-seconds", CPU_SECONDS, "--out", "demo")
        push = ("corpus", "push", "demo/corpus", "--remote", f"s3://{bucket}", "--name", SPEAKER)
        clocktrain(*push)
        with front(folder / "demo" / "voices", folder / "issuing") as served:
            door = served.http
            tracking = f"sqlite:///{next((folder / 'demo').glob('*.db'))}"
            before = listing(server, bucket, tracking, door)
            shown("Before", before)
            consent = json.loads((folder / "demo" / "corpus" / "consent.json").read_text())["id"]
            clocktrain("consent", "revoke", consent)
            print(f"\nThe door refused {refused_after(door):.1f} s after the consent was revoked.\n")
            # the sample's licence lies beside the corpus, so its recordings are named
            places = ("--folder", "demo", "--recordings", "demo/recordings", "--store", f"s3://{bucket}")
            clocktrain("erase", "speaker", SPEAKER, *places, "--tracking", tracking, "--reason", "withdrawn", "--yes")
            after = listing(server, bucket, tracking, door)
            shown("After", after)
        (receipt,) = (folder / "issuing" / "erasures").glob("*.json")
        clocktrain("erase", "verify", str(receipt))
        left = {place: lines for place, lines in after.items() if lines}
        if left:
            raise SystemExit(f"still there: {left}")


def clocktrain(*words: str) -> None:
    print(f"$ clocktrain {' '.join(words)}", flush=True)
    done = subprocess.run(
        [BIN / "clocktrain", *words],
        text=True,
        capture_output=True,
        timeout=COMMAND_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise SystemExit(done.stderr)


def refused_after(door: str) -> float:
    """Seconds until speech is refused."""
    began = time.monotonic()
    while (answer := spoken(door)).status_code == httpx.codes.OK:
        if time.monotonic() - began > REFUSED_S:
            raise SystemExit("the door still speaks")
    print(f"POST /v1/audio/speech: {answer.status_code} {answer.text}")
    return time.monotonic() - began


def spoken(door: str) -> httpx.Response:
    request = {"model": "clocktrain", "voice": SPEAKER, "input": "Uno, due, tre.", "response_format": "wav"}
    return httpx.post(f"{door}/v1/audio/speech", json=request, timeout=READY_S)


def listing(server: MinioServer, bucket: str, tracking: str, door: str) -> dict[str, list[str]]:
    """What each place holds of the speaker."""
    items = server.client().list_objects(bucket, recursive=True, include_version=True)
    demo = Path("demo")
    return {
        "bucket, every version": sorted({str(item.object_name) for item in items}),
        "MLflow": runs(tracking),
        "DVC, revisions": sorted(str(path) for path in demo.glob("store/local/corpora/**/*") if path.is_file()),
        "checkpoints": sorted(str(path) for path in demo.glob("store/local/runs/*/*/checkpoints/*")),
        "recordings, corpus, voices, speech": sorted(
            str(path)
            for part in ("recordings", "corpus", "voice", "voices", "distill", "speech")
            for path in (demo / part).rglob("*")
            if path.is_file() and path.name != ".lock"  # of a run, empty
        ),
        "voices that speak at the door": [
            voice["id"]
            for voice in httpx.get(f"{door}/v1/audio/voices", timeout=READY_S).json()["voices"]
            if spoken(door).status_code == httpx.codes.OK
        ],
    }


def runs(tracking: str) -> list[str]:
    """By the stock client, deleted ones as well."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient(tracking)
    experiments = [each.experiment_id for each in client.search_experiments(view_type=ViewType.ALL)]
    found = client.search_runs(experiments, run_view_type=ViewType.ALL)
    return [f"run {each.info.run_name} ({each.info.lifecycle_stage})" for each in found] + [
        f"model {model.name}" for model in client.search_registered_models()
    ]


def shown(title: str, places: dict[str, list[str]]) -> None:
    print(f"\n{title}")
    for place, lines in places.items():
        print(f"  {place}: {len(lines)}")
        for line in lines[:4]:
            print(f"    {line}")
        if len(lines) > 4:
            print(f"    … and {len(lines) - 4} more")


if __name__ == "__main__":
    main()
