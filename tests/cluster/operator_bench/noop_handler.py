"""The baseline of a framework: kopf with a handler that does nothing but note when it first heard of each clone."""

from __future__ import annotations

import os
import time
from typing import Any

import kopf

HEARD = os.environ["BENCH_HEARD_FILE"]
_seen: set[str] = set()


@kopf.on.event("clocktrain.dev", "v1alpha1", "voiceclones")  # type: ignore[arg-type]
def heard(name: str, namespace: str, **_: Any) -> None:
    """Note the time."""
    key = f"{namespace}/{name}"
    if key not in _seen:
        _seen.add(key)
        with open(HEARD, "a", encoding="ascii") as file:
            file.write(f"{key} {time.time():.6f}\n")
