"""``clocktrain voices`` in a cluster: a patch of ``spec.serving``; the operator follows it and writes the table."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clock_train.cli.cluster_options import connected, follow_hint

if TYPE_CHECKING:
    from clock_train.serving.serving_table import ServingTable

PLUGIN = "kubectl-clocktrain"
Clone = Mapping[str, Any]
Wish = dict[str, Any]
"""Fields of ``spec.serving``."""


def is_meant(namespace: str | None, context: str | None) -> bool:
    """Whether a cluster is spoken to rather than a file."""
    return namespace is not None or context is not None or Path(sys.argv[0]).name == PLUGIN


def served(namespace: str | None, context: str | None) -> ServingTable:
    """The table of a namespace as the operator wrote it; an empty one where nothing was ever served."""
    from clock_train.cluster.kinds import CONFIG_MAPS
    from clock_train.crd.names import SERVING_KEY, SERVING_TABLE
    from clock_train.serving.serving_table import ServingTable, table_of

    with connected(context) as cluster:
        found = cluster.find(CONFIG_MAPS, SERVING_TABLE, namespace)
        where = f"ConfigMap {SERVING_TABLE} of {namespace or cluster.namespace}"
    text = ((found or {}).get("data") or {}).get(SERVING_KEY)
    return ServingTable() if text is None else table_of(text, where)


def change(
    name: str, namespace: str | None, context: str | None, wish: Callable[[Clone], Wish], *, as_json: bool
) -> None:
    """Patch what a clone asks to be served; say what was asked and how to follow it."""
    from clock_train.cluster.kinds import CLONES

    with connected(context) as cluster:
        asked = wish(cluster.get(CLONES, name, namespace))
        clone = cluster.merge(CLONES, name, {"spec": {"serving": asked}}, namespace)
    if as_json:
        print(json.dumps(asked))
        return
    share = f", and {asked['canaryPercent']} of 100 requests for the next" if asked["canaryPercent"] else ""
    print(f"{name}: version {asked['championVersion']} is asked to be the champion{share}. {follow_hint(name, clone)}")


def promotion(clone: Clone, version: str) -> Wish:
    """One version for all requests.

    Raises:
        VoiceNotFound: the clone has no such version.
        ConfigValueInvalid: the clone asks not to be served.
    """
    return {**_policy(clone), "championVersion": _known(clone, version), "canaryPercent": 0}


def canary(clone: Clone, version: str, percent: int) -> Wish:
    """A share for the newest version; where it is the champion already, the one before is again.

    Raises:
        VoiceNotFound: the clone has no such version, or it is not the newest.
        AliasNotFound: there is no champion to share with.
        ConfigValueInvalid: the clone asks not to be served.
    """
    from clock_train.errors import AliasNotFound, VoiceNotFound

    number, serving = _known(clone, version), _serving(clone)
    if percent == 100:
        return promotion(clone, version)
    champion = serving.get("champion")
    if percent and champion == number:
        champion = serving.get("previous")
    if champion is None:
        raise AliasNotFound(f'"{_name(clone)}" has no champion to share with; promote a version first')
    newest = max(_versions(clone))
    if percent and (number != newest or champion > number):
        raise VoiceNotFound(
            f'in a cluster the canary is the newest version of "{_name(clone)}", {newest}, beside an older champion '
            f"({champion}); give {newest}, or promote another champion first"
        )
    return {**_policy(clone), "championVersion": champion, "canaryPercent": percent}


def rollback(clone: Clone) -> Wish:
    """The end of a canary, or else the champion before.

    Raises:
        AliasNotFound: there was none before.
        ConfigValueInvalid: the clone asks not to be served.
    """
    from clock_train.errors import AliasNotFound

    serving = _serving(clone)
    back = serving.get("champion") if "candidate" in serving else serving.get("previous")
    if back is None:
        raise AliasNotFound(
            f'"{_name(clone)}" had no champion before this one; promote a version instead: {_listed(clone)}'
        )
    return {**_policy(clone), "championVersion": back, "canaryPercent": 0}


def _policy(clone: Clone) -> Wish:
    """What a patch has to say where the clone says nothing: the policy is required."""
    from clock_train.errors import ConfigValueInvalid

    policy = ((clone.get("spec") or {}).get("serving") or {}).get("policy")
    if policy == "Never":
        raise ConfigValueInvalid(
            f'`spec.serving.policy` of "{_name(clone)}" is Never; whoever keeps the clone sets it to IfGatePasses first'
        )
    return {} if policy else {"policy": "IfGatePasses"}


def _known(clone: Clone, version: str) -> int:
    from clock_train.errors import VoiceNotFound

    if not version.isdigit() or int(version) not in _versions(clone):
        raise VoiceNotFound(
            f'"{_name(clone)}" has no version "{version}" in status.versions; it has: {_listed(clone)}. In a cluster a '
            "version is a number"
        )
    return int(version)


def _versions(clone: Clone) -> list[int]:
    return [each["version"] for each in (clone.get("status") or {}).get("versions") or []]


def _listed(clone: Clone) -> str:
    return ", ".join(map(str, _versions(clone))) or "none yet"


def _serving(clone: Clone) -> Mapping[str, int]:
    return (clone.get("status") or {}).get("serving") or {}


def _name(clone: Clone) -> str:
    return clone["metadata"]["name"]
