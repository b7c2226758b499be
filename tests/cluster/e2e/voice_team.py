"""What an admin and a voice team bring to a real cluster: images, storage, the chart, recordings, manifests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clock_train.data.build import build_corpus
from clock_train.data.manifest import MANIFEST_NAME, read_corpus, write_manifest
from clock_train.data.sample import fetch_sample
from clock_train.orchestration.corpus_versions import push_corpus
from clock_train.storage.s3 import S3Storage
from harness import kuberay
from harness.real_cluster import RealCluster

ROOT = Path(__file__).parents[3]
CREDENTIAL = {"AWS_ACCESS_KEY_ID": "clocktrain", "AWS_SECRET_ACCESS_KEY": "only-in-this-test"}
BUCKET = "clocktrain"
NAMESPACE = "voices"
SPEAKERS = {"allison": "en", "ivonne": "es"}
CLIPS = 40
"""Of each speaker: real speech, and few enough that an epoch is a handful of steps."""
ENDPOINT = "http://minio.storage.svc.cluster.local:9000"


def images_folder() -> Path:
    """Where archives of the images are kept between runs."""
    named = os.environ.get("CLOCKTRAIN_TEST_ASSETS")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clock-train" / "test-assets"
    return (Path(named) if named else cache) / "images"


def image_archives() -> list[Path]:
    """The operator's and the trainer's image as archives, built where they are not there or of another commit."""
    folder = images_folder()
    archives = [folder / f"clocktrain-{name}.tar" for name in ("operator", "trainer")]
    stamp = folder / "built-from"
    state = _state_of_sources()
    if all(path.exists() for path in archives) and stamp.exists() and stamp.read_text() == state:
        return archives
    words = [sys.executable, "images/build.py", "operator", "trainer", "--folder", str(folder / "build")]
    subprocess.run([*words, "--archive", str(folder)], cwd=ROOT, check=True, timeout=3_000)
    stamp.write_text(state)
    return archives


def _state_of_sources() -> str:
    done = subprocess.run(
        ["git", "ls-tree", "-r", "HEAD", "platform", "operators", "conf", "images", "uv.lock", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def image_name(image: str) -> str:
    """As the build names it."""
    from importlib.metadata import version

    return f"localhost/clocktrain-{image}:{version('clock-train')}"


def start_storage(cluster: RealCluster) -> str:
    """A MinIO of one pod with its service; returns an address of this machine that leads to it."""
    image = cluster.import_program("minio")
    cluster.plane.new_namespace("storage")
    container = {
        "name": "minio",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/bin/minio", "server", "/data", "--address", ":9000"],
        "env": [
            {"name": "MINIO_ROOT_USER", "value": CREDENTIAL["AWS_ACCESS_KEY_ID"]},
            {"name": "MINIO_ROOT_PASSWORD", "value": CREDENTIAL["AWS_SECRET_ACCESS_KEY"]},
        ],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "readinessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1},
    }
    spec = {
        # its data is a folder of the node: a pod that is killed comes back to it
        "nodeName": cluster.nodes[0].name,
        "containers": [container],
        "volumes": [
            {"name": "data", "hostPath": {"path": str(cluster.run.folder.path / "minio"), "type": "DirectoryOrCreate"}}
        ],
    }
    labels = {"app": "minio"}
    cluster.plane.apply(
        [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "minio", "namespace": "storage"},
                "spec": {
                    "replicas": 1,
                    "strategy": {"type": "Recreate"},
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": spec},
                },
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "minio", "namespace": "storage"},
                "spec": {"selector": labels, "ports": [{"port": 9000}]},
            },
        ]
    )
    cluster.plane.kubectl("rollout", "status", "deployment/minio", "-n", "storage", "--timeout=120s")
    address = cluster.plane.kubectl("get", "service", "minio", "-n", "storage", "-o", "jsonpath={.spec.clusterIP}")
    return f"http://127.0.0.1:{cluster.forward(address.strip(), 9000)}"


def push_recordings(endpoint: str, folder: Path) -> dict[str, str]:
    """A corpus of each speaker, cut from the sample recordings, in the bucket; speaker → revision."""
    revisions = {}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**CREDENTIAL, "AWS_ENDPOINT_URL_S3": endpoint}.items():
            environment.setenv(name, value)
        _make_bucket(endpoint)
        for speaker, language in SPEAKERS.items():
            corpus = small_corpus(folder, speaker, language)
            pushed = push_corpus(
                corpus, f"s3://{BUCKET}", speaker, "first", namespace=NAMESPACE, report=lambda text: None
            )
            revisions[speaker] = pushed.revision
    return revisions


def small_corpus(folder: Path, speaker: str, language: str) -> Path:
    """The first clips of a sample voice as a corpus of its own."""
    corpus = folder / speaker
    build_corpus(fetch_sample(language), corpus, speaker=speaker)
    clips = [clip for clip in read_corpus(corpus).accepted() if clip.seconds < 4.0][:CLIPS]
    kept = {clip.path for clip in clips}
    write_manifest(corpus / MANIFEST_NAME, clips)
    for path in (corpus / "audio").rglob("*.flac"):
        if path.relative_to(corpus).as_posix() not in kept:
            path.unlink()
    return corpus


def _make_bucket(endpoint: str) -> None:
    from minio import Minio

    client = Minio(
        endpoint.removeprefix("http://"),
        access_key=CREDENTIAL["AWS_ACCESS_KEY_ID"],
        secret_key=CREDENTIAL["AWS_SECRET_ACCESS_KEY"],
        secure=False,
    )
    if not client.bucket_exists(BUCKET):
        client.make_bucket(BUCKET)


def bucket(endpoint: str) -> S3Storage:
    """The bucket as the test sees it."""
    return S3Storage(
        BUCKET,
        endpoint=endpoint,
        access_key=CREDENTIAL["AWS_ACCESS_KEY_ID"],
        secret_key=CREDENTIAL["AWS_SECRET_ACCESS_KEY"],
    )


def install_chart(cluster: RealCluster) -> None:
    """`helm install`, as the install guide says, with what this cluster has."""
    values = {
        "operator": {"image": {"repository": "localhost/clocktrain-operator", "pullPolicy": "Never"}},
        "mlflow": {"enabled": False},
        "storage": {"endpointURL": ENDPOINT, "bucket": BUCKET, "secretName": "storage"},
        "kuberay": {"namespace": kuberay.NAMESPACE},
    }
    path = cluster.run.folder.path / "values.json"
    cluster.plane.new_namespace("clocktrain")
    cluster.plane.apply(secret("clocktrain"))
    path.write_text(json.dumps(values))
    helm(
        cluster,
        "install",
        "clocktrain",
        "charts/clocktrain",
        "-n",
        "clocktrain",
        "-f",
        str(path),
        "--wait",
        "--timeout=180s",
    )


def helm(cluster: RealCluster, *words: str) -> str:
    """Stock helm."""
    program = cluster.run.folder.path / "bin" / "helm"
    done = subprocess.run(
        [str(program), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(cluster.run.folder.path),
            "KUBECONFIG": str(cluster.plane.kubeconfig("admin")),
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def secret(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "storage", "namespace": namespace},
        "stringData": CREDENTIAL,
    }


def runtime() -> dict[str, Any]:
    """What the admin offers here: a class without accelerators."""
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceTrainingRuntime",
        "metadata": {"name": "standard"},
        "spec": {
            "images": {"trainer": image_name("trainer"), "pullPolicy": "Never"},
            "acceleratorClasses": [
                {
                    "name": "cpu",
                    "nodeSelector": {"clocktrain.dev/accelerator": "cpu"},
                    "resources": {"cpu": "200m", "memory": "2500Mi"},
                    "pricePerHour": "0.10",
                }
            ],
            "head": {"cpu": "200m", "memory": "4Gi"},
            "currency": "EUR",
            "storage": {"endpointURL": ENDPOINT, "bucket": BUCKET, "secretName": "storage"},
            "retries": {"limit": 3, "backoffSeconds": 5},
        },
    }


def consent(speaker: str) -> dict[str, Any]:
    """The sample recordings' licence stands in for a person's consent, and says so in its purpose."""
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceConsent",
        "metadata": {"name": f"{speaker}-licence", "namespace": NAMESPACE},
        "spec": {
            "speaker": speaker,
            "purposes": ["Demonstration"],
            "territories": ["worldwide"],
            "expirationTime": "2030-01-01T00:00:00Z",
            "statement": {"recordingURI": f"s3://{BUCKET}/{NAMESPACE}/consents/{speaker}.wav", "sha256": "00" * 32},
        },
    }


def clone(name: str, speakers: dict[str, str], *, epochs: int, **spec: Any) -> dict[str, Any]:
    """A clone of speakers with their revisions."""
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceClone",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "runtimeRef": {"name": "standard"},
            "speakers": [
                {
                    "name": speaker,
                    "corpus": {"uri": f"s3://{BUCKET}/{NAMESPACE}/corpora/{speaker}", "revision": revision},
                    "consentRef": {"name": f"{speaker}-licence"},
                }
                for speaker, revision in speakers.items()
            ],
            "preset": "Demo",
            "training": {"seed": 1, "epochs": epochs, "batchSize": 8, "checkpointEveryEpochs": 1},
            **spec,
        },
    }
