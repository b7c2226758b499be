"""What identifies the runs of an output folder, and what is different about a new one.

A run is its data, model, training and base: the same request goes on with it. A request that differs is refused with
the difference, unless a fork is asked for: going on by mistake with other data is worse than asking once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clock_train.errors import RunChanged
from clock_train.orchestration.attempts import lineage
from clock_train.orchestration.observer import RunFacts
from clock_train.storage.opening import Storage
from clock_train.storage.places import RunPlace

NAME = "run-{uid}.json"
SHOWN = 6
"""Differences in a message; the files have all of them."""
MAY_CHANGE = ("training.max_steps", "training.max_cpu_seconds", "training.patience", "training.schedule.hearing_steps")
"""How long a run may take does not make it another one."""
NOT_IDENTITY = ("dvc_revisions", "uid", "name", "workers", "store", "packed_path", "preset", "prefix")


def check_same_run(output: Path, facts: RunFacts, *, fork: bool) -> None:
    """Remember a run in its folder; refuse one that differs from those that are there.

    Raises:
        RunChanged: the folder has runs, none of them this one, and no fork was asked for.
    """
    path = output / NAME.format(uid=facts.uid)
    if not path.exists() and not fork:
        before = sorted(output.glob(NAME.format(uid="*")), key=lambda old: old.stat().st_mtime)
        if before:
            old = json.loads(before[-1].read_text(encoding="utf-8"))
            raise RunChanged(
                f'"{output}" holds run {old["uid"]}, and this one differs: {_said(difference(old, asdict(facts)))}. '
                "Give the values it was made with to go on with it, or --fork to begin another run beside it"
            )
    path.write_text(json.dumps(asdict(facts), indent=1, ensure_ascii=False), encoding="utf-8")


def check_same_attempts(storage: Storage, place: RunPlace, facts: RunFacts) -> None:
    """Remember a run in its attempt; refuse to go on from an attempt that trained something else.

    Raises:
        RunChanged: this attempt, or one that it goes back to, is of other data, settings, base or code.
    """
    for earlier, _ in lineage(storage, place):
        key = f"{earlier.prefix}/run.json"
        if not storage.exists(key):
            continue
        old = json.loads(storage.get(key))
        if old["uid"] != facts.uid:
            raise RunChanged(
                f"{earlier.prefix} trained run {old['uid']}, and this one differs: "
                f"{_said(difference(old, asdict(facts)))}. Give the values it was made with, or begin an attempt that "
                "goes on from none"
            )
    content = json.dumps(asdict(facts), indent=1, ensure_ascii=False).encode()
    storage.put(f"{place.prefix}/run.json", content)


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What changed, by dotted name; values that do not make another run are left out."""
    before, after = flat(old), flat(new)
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name.split(".")[0] not in NOT_IDENTITY and name not in MAY_CHANGE
    }


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _said(changed: Mapping[str, tuple[Any, Any]]) -> str:
    parts = [f"{name} was {_short(old)} and is {_short(new)}" for name, (old, new) in list(changed.items())[:SHOWN]]
    rest = len(changed) - len(parts)
    return "; ".join(parts) + (f"; {rest} more" if rest > 0 else "") if parts else "the packed recordings"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"
