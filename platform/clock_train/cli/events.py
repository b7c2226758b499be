"""``clocktrain events``: what happened to a clone, as the operator told it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, connected

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def events(
    name: NameArgument,
    *,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the events as JSON.")] = False,
) -> None:
    """List what happened to a clone, oldest first.

    Kubernetes forgets events after an hour unless the cluster's admin chose otherwise; the conditions stay.
    """
    from clock_train.cluster.client import event_time
    from clock_train.cluster.kinds import CLONES

    with connected(context) as cluster:
        found = cluster.events(cluster.get(CLONES, name, namespace))
    rows: list[dict[str, Any]] = [
        {
            "time": event_time(each),
            "type": each.get("type", ""),
            "reason": each.get("reason", ""),
            "message": each.get("message", ""),
            "count": (each.get("series") or {}).get("count") or each.get("count") or 1,
        }
        for each in found
    ]
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if not rows:
        print(f"no events of {name}: Kubernetes keeps them for an hour only. See clocktrain status {name}")
    for row in rows:
        times = f" (x{row['count']})" if row["count"] > 1 else ""
        print(f"{row['time'][:19]}Z  {row['type']:<7}  {row['reason']:<20}  {row['message']}{times}")
