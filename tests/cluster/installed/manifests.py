"""What an admin, a compliance officer and a voice team apply here."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from clock_train.crd.names import DEMONSTRATIONS
from clock_train.data.sample import SAMPLES
from installed.images import image_name
from installed.storage import BUCKET, ENDPOINT

Manifest = dict[str, Any]
NAMESPACE = "voices"
SPEAKERS = {"allison": "en", "carlo": "it"}
"""Speaker → language of the sample voice that stands for a voice team's recordings: a woman and a man."""
KEYS = "keys"
"""Secret of that name, in both namespaces: what a job signs, Triton opens."""
TRACKER = "http://clocktrain-mlflow.clocktrain.svc.cluster.local:5000"
VOICES_LABELS = {
    "clocktrain.dev/voices": "true",
    DEMONSTRATIONS: "true",
    "pod-security.kubernetes.io/enforce": "restricted",
}


def secret(name: str, namespace: str, values: dict[str, str]) -> Manifest:
    """A secret of plain values."""
    head = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": head, "stringData": values}


def file_secret(name: str, namespace: str, folder: Path) -> Manifest:
    """A secret of a folder's files, as ``kubectl create secret generic --from-file`` makes it."""
    data = {path.name: base64.b64encode(path.read_bytes()).decode() for path in sorted(folder.iterdir())}
    head = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": head, "data": data}


def runtime() -> Manifest:
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
            "tracking": {"url": TRACKER, "secretName": "tracking"},
            "keys": {"secretName": KEYS},
            "retries": {"limit": 3, "backoffSeconds": 5},
        },
    }


def consent(speaker: str) -> Manifest:
    """The sample recordings' licence, which is nobody's consent."""
    sample = SAMPLES[SPEAKERS[speaker]]
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceConsent",
        "metadata": {"name": f"{speaker}-licence", "namespace": NAMESPACE},
        "spec": {
            "speaker": speaker,
            "basis": "Licence",
            "purposes": ["Demonstration"],
            "territories": ["worldwide"],
            "expirationTime": "2030-01-01T00:00:00Z",
            "licence": {"name": sample.licence, "url": sample.licence_uri, "attribution": sample.credit},
        },
    }


CHECKPOINT_EVERY = 5
"""Epochs; an epoch of these recordings takes seconds."""


def clone(name: str, speakers: dict[str, str], *, epochs: int, workers: int, **spec: Any) -> Manifest:
    """A clone of speakers, by the revision of their corpus."""
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
            "training": {"seed": 1, "epochs": epochs, "batchSize": 8, "checkpointEveryEpochs": CHECKPOINT_EVERY},
            "compute": {"acceleratorClassName": "cpu", "workers": workers},
            **spec,
        },
    }
