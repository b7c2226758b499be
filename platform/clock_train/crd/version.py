"""The digest that knows a version: two clones with the same one would train the same voice."""

from __future__ import annotations

import hashlib
import json

from clock_train.crd.v1alpha1 import VoiceCloneSpec

VERSION_FIELDS = ("speakers", "base", "preset", "training", "distillation")
"""What decides what is trained. Suspend, compute, budget, gate, serving and deletionPolicy never start a training."""


def version_digest(spec: VoiceCloneSpec) -> str:
    """SHA-256 over the canonical JSON (sorted keys, no spaces, nothing absent) of the fields that decide the voice."""
    values = spec.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(VERSION_FIELDS))
    # an object without a field says no more than no object
    values = {name: value for name, value in values.items() if value != {}}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
