"""The serving tables of the cluster, from the statuses of all clones: one a namespace, and one of all of them.

The format is that of ``clock_train.serving.serving_table``, which reads them; a test holds the two together. It is
written here by twenty lines of its own, since that module carries numpy and a file's locks, which no operator needs.
The table of all is in the operator's own namespace, where the chart's gateway and Triton can mount it: a pod sees
ConfigMaps of its own namespace only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clock_train.crd.names import SERVING, SERVING_EVERYWHERE, SERVING_KEY, SERVING_TABLE
from voiceclone_operator.names import MANAGED_BY
from voiceclone_operator.observed import Object

MOST_BYTES = 1_000_000
"""A ConfigMap holds 1 MiB; about 1 500 voices."""
Key = tuple[str, str]
"""Namespace and name."""
Reason = tuple[str, str]
"""Of a condition, and its message."""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What is to be written, and whose voice is in no table that the chart's servers follow."""

    applies: list[Object]
    left_out: Mapping[Key, Reason]


def plan_tables(clones: Mapping[Key, Object], found: Mapping[Key, Object], operator_namespace: str) -> Tables:
    """The tables that differ from what is there.

    Args:
        clones: all of the cluster.
        found: ConfigMaps that hold tables.
        operator_namespace: where the table of all goes.
    """
    served = {key: aliases for key, clone in clones.items() if (aliases := aliases_of(clone))}
    in_order = sorted(served, key=lambda key: _age(clones[key]))
    left_out: dict[Key, Reason] = {}
    wanted: dict[Key, str] = {}
    for namespace in sorted({namespace for namespace, _ in [*served, *found]}):
        own = {name: served[place, name] for place, name in in_order if place == namespace}
        text, over = fitting(own)
        wanted[namespace, SERVING_TABLE] = text
        left_out |= {(namespace, name): _full(namespace, SERVING_TABLE) for name in over}
    holders: dict[str, Key] = {}
    for key in in_order:
        holder = holders.setdefault(key[1], key)
        if holder != key:
            left_out[key] = _taken(key[1], holder[0])
    text, over = fitting({name: served[key] for name, key in holders.items()})
    wanted[operator_namespace, SERVING_EVERYWHERE] = text
    left_out |= {holders[name]: _full(operator_namespace, SERVING_EVERYWHERE) for name in over}
    empty = table_text({})
    applies = [
        table(namespace, name, text)
        for (namespace, name), text in wanted.items()
        # a namespace without a voice needs no table; one that had some needs one that is empty
        if _must_write(found.get((namespace, name)), text if (namespace, name) in found or text != empty else None)
    ]
    return Tables(applies=applies, left_out=left_out)


def aliases_of(clone: Object) -> dict[str, list[dict[str, Any]]]:
    """Alias → shares of one clone as the table has them; none for one that is being deleted."""
    status = clone.get("status") or {}
    serving, versions = status.get("serving"), {each["version"]: each for each in status.get("versions") or []}
    if not serving or clone["metadata"].get("deletionTimestamp"):
        return {}

    def shares(*parts: tuple[int | None, int]) -> list[dict[str, Any]]:
        return [
            {
                "version": number,
                "digest": versions[number]["digest"],
                "bundle": versions[number]["bundleURI"],
                "percent": percent,
            }
            for number, percent in parts
            if number in versions and percent > 0
        ]

    champion, candidate = serving["champion"], serving.get("candidate")
    percent = int(serving.get("canaryPercent", 0)) if candidate in versions else 0
    if champion not in versions:
        return {}
    found = {
        "champion": shares((champion, 100 - percent), (candidate, percent)),
        "previous": shares((serving.get("previous"), 100)),
        "candidate": shares((candidate, 100)),
    }
    return {alias: each for alias, each in found.items() if each}


def table_text(voices: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> str:
    """As ``ServingTable.text`` writes it, to the byte."""
    ordered = {voice: dict(sorted(aliases.items())) for voice, aliases in sorted(voices.items())}
    return json.dumps({"schemaVersion": 1, "voices": ordered}, indent=1, ensure_ascii=False) + "\n"


def fitting(voices: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> tuple[str, list[str]]:
    """The table with as many voices as a ConfigMap holds, in the order given, and the names of those left out."""
    text = table_text(voices)
    if len(text.encode()) <= MOST_BYTES:
        return text, []
    kept: dict[str, Mapping[str, list[dict[str, Any]]]] = {}
    size = 0
    for name, aliases in voices.items():
        size += len(table_text({name: aliases}).encode())  # with a head of its own: never too few
        if size > MOST_BYTES:
            break
        kept[name] = aliases
    return table_text(kept), [name for name in voices if name not in kept]


def table(namespace: str, name: str, text: str) -> Object:
    """The ConfigMap, whole; it belongs to no clone, and so has no owner."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {**MANAGED_BY, SERVING: "table"}},
        "data": {SERVING_KEY: text},
    }


def _must_write(found: Object | None, text: str | None) -> bool:
    """Whether a table has to be written."""
    return text is not None and ((found or {}).get("data") or {}) != {SERVING_KEY: text}


def _age(clone: Object) -> tuple[str, str, str]:
    metadata = clone["metadata"]
    return str(metadata.get("creationTimestamp", "")), metadata["namespace"], metadata["name"]


def _taken(name: str, namespace: str) -> Reason:
    return (
        "NameTaken",
        f'the older clone "{name}" of the namespace "{namespace}" has the name "{name}" in the ConfigMap '
        f"{SERVING_EVERYWHERE}, which the chart's servers follow; make this voice under another name. The table of its "
        "own namespace has it",
    )


def _full(namespace: str, name: str) -> Reason:
    return (
        "TableFull",
        f'the ConfigMap {name} of the namespace "{namespace}" holds no more voices; set `spec.serving.policy` of '
        "others to Never",
    )
