"""``clocktrain status``: one clone of a cluster, as a page; once, or again whenever it changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, connected

if TYPE_CHECKING:
    from clock_train.cluster.client import Cluster

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def status(
    name: NameArgument,
    *,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Print it again whenever it changes, until Ctrl-C or its deletion.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All attempts and conditions, with times.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; with -w one line a change.")] = False,
) -> None:
    """Say where a clone of a cluster is and what to do next."""
    from clock_train.cluster.kinds import CLONES

    with connected(context) as cluster:
        if not watch:
            _show(cluster, cluster.get(CLONES, name, namespace), verbose=verbose, as_json=as_json, indent=1)
            return
        cluster.get(CLONES, name, namespace)
        for found in cluster.watch(CLONES, name, namespace):
            if found is None:
                print(
                    json.dumps({"clone": name, "summary": "deleted"}) if as_json else f"{name} is deleted", flush=True
                )
                return
            _show(cluster, found, verbose=verbose, as_json=as_json, indent=None)
            if not as_json:
                print("─" * 60, flush=True)


def _show(cluster: Cluster, clone: dict[str, Any], *, verbose: bool, as_json: bool, indent: int | None) -> None:
    from clock_train.cli.clone_page import clone_page, summary
    from clock_train.cli.next_steps import next_steps

    if as_json:
        whole = {
            "clone": clone["metadata"]["name"],
            "namespace": clone["metadata"]["namespace"],
            "generation": clone["metadata"].get("generation"),
            "summary": summary(clone),
            "next": next_steps(clone),
            "status": clone.get("status") or {},
        }
        print(json.dumps(whole, indent=indent, ensure_ascii=False), flush=True)
        return
    page = clone_page(clone, datetime.now(UTC), consents=_consents(cluster, clone), is_verbose=verbose)
    print("\n".join(page), flush=True)


def _consents(cluster: Cluster, clone: dict[str, Any]) -> dict[str, Any] | str:
    """Those that the clone names; or why they are not shown, which is no reason to show nothing."""
    from clock_train.cluster.kinds import CONSENTS
    from clock_train.errors import ClusterForbidden

    speakers = (clone.get("spec") or {}).get("speakers") or []
    names = {str((speaker.get("consentRef") or {}).get("name") or "") for speaker in speakers} - {""}
    try:
        found = {name: cluster.find(CONSENTS, name, clone["metadata"]["namespace"]) for name in sorted(names)}
    except ClusterForbidden:
        return "its end is not shown: you may not get voiceconsents"
    return {name: consent for name, consent in found.items() if consent is not None}
