"""``clocktrain apply``: give a cluster the resources of a file, checked by its API server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from clock_train.cli.cluster_options import ContextOption, NamespaceOption, connected

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def apply(
    *,
    file: Annotated[Path, typer.Option("--file", "-f", help="YAML of VoiceClones, consents and runtimes.")],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take over fields that somebody else set.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Apply the resources of a file to a cluster.

    Server-side: what the file leaves out is left alone, unless an earlier apply of yours set it. Everything is tried
    before anything is kept.
    """
    from clock_train.crd.reading import read_objects
    from clock_train.orchestration.cluster_plan import apply_objects, placed

    objects = placed(read_objects(file), namespace)
    with connected(context) as cluster:
        # a mistake in the last document must not leave the first ones applied
        apply_objects(cluster, objects, force=force_conflicts, dry_run=True)
        changes = apply_objects(cluster, objects, force=force_conflicts)
    if as_json:
        print(json.dumps([change.as_json() for change in changes], indent=1))
        return
    for change in changes:
        print(f"{change.spoken} {change.action}")
    for change in changes:
        if change.kind == "VoiceClone":
            print(f"Follow it: clocktrain status {change.name} -n {change.namespace} -w")
