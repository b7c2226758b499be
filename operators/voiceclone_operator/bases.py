"""Bases that contain a speaker who was erased: nothing new is made from them, and for how long what was is served."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from clock_train.crd.v1alpha1 import VoiceTrainingRuntimeSpec
from voiceclone_operator.observed import Observed, time_of


def retired_of(status: Mapping[str, Any]) -> dict[str, str]:
    """Digest of each voice of a clone that nothing new is made from, and since when.

    Those with a speaker who is erased, and those that were made from such a base themselves, however far back.

    Args:
        status: of the clone.
    """
    versions = status.get("versions") or []
    return {
        **{each["digest"]: each["baseRetireTime"] for each in versions if "baseRetireTime" in each},
        **erased_of(status),
    }


def erased_of(status: Mapping[str, Any]) -> dict[str, str]:
    """Digest of each voice of a clone that was made with a consent whose speaker is erased, and when that began.

    What is being erased is no base either: a fine-tune that begins meanwhile would be the first thing that is unserved.
    """
    erased = {each["uid"]: each["startTime"] for each in status.get("erasures") or [] if "startTime" in each}
    found: dict[str, str] = {}
    for version in status.get("versions") or []:
        times = [erased[pin["uid"]] for pin in version.get("consents") or [] if pin["uid"] in erased]
        if times:
            found[version["digest"]] = min(times)
    return found


def retire_time(uri: str | None, retired: Mapping[str, str]) -> str | None:
    """When the base of this place was retired; None where it was not. A bundle's last part is its digest."""
    return retired.get((uri or "").rstrip("/").rpartition("/")[2])


def with_retired_bases(versions: list[dict[str, Any]], observed: Observed) -> list[dict[str, Any]]:
    """Versions that remember when their base was retired: its own clone may be deleted one day."""
    marked = []
    for each in versions:
        time = retire_time(each.get("baseURI"), observed.retired_bases)
        marked.append({**each, "baseRetireTime": time} if time and "baseRetireTime" not in each else each)
    return marked


def served_until(version: Mapping[str, Any], observed: Observed) -> datetime | None:
    """Until when a version is served whose base is retired; None for one whose base is not."""
    retired = time_of(version.get("baseRetireTime"))
    if retired is None:
        return None
    given = ((observed.runtime or {}).get("spec") or {}).get("retrainBySeconds")
    default = VoiceTrainingRuntimeSpec.model_fields["retrain_by_seconds"].default
    return retired + timedelta(seconds=given if isinstance(given, int) else default)
