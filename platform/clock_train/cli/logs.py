"""``clocktrain logs``: what a run and its workers said, from storage, so after they are gone too."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.cli.cluster_options import ContextOption, NamespaceOption, connected

if TYPE_CHECKING:
    from clock_train.orchestration.log_places import LogPlace

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def logs(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="Name of a clone in the cluster, output folder of a run, or s3://bucket/<namespace>/runs/<uid>.",
        ),
    ],
    *,
    attempt: Annotated[int | None, typer.Option(min=1, help="Number of the attempt; by default the newest.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="driver, or worker-<rank>; by default all.")] = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Another way to the cluster's store than its runtime names, such as a forwarded port."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what comes, until Ctrl-C.")] = False,
) -> None:
    """Show what a run and its workers said, after they are gone too."""
    from clock_train.orchestration.run_log import StoredLog, read_logs, wait_for_more

    asks_cluster = any((namespace, context, endpoint)) or _is_of_cluster(place)
    found = _of_cluster(place, attempt, namespace, context, endpoint) if asks_cluster else _of_place(place, attempt)

    def show(log: StoredLog) -> None:
        print(f"==> {log.name} <==", file=sys.stderr)
        sys.stdout.buffer.write(log.content)
        sys.stdout.flush()

    seen: dict[str, int] = {}
    for log in read_logs(found.storage, found.prefix, source=source):
        show(log)
        seen[log.name] = len(log.content)
    while follow:
        for log in wait_for_more(found.storage, found.prefix, seen, source=source):
            show(log)


def _of_cluster(
    name: str, attempt: int | None, namespace: str | None, context: str | None, endpoint: str | None
) -> LogPlace:
    from clock_train.orchestration.clone_logs import clone_log_place

    with connected(context) as cluster:
        return clone_log_place(cluster, name, namespace, attempt, endpoint=endpoint)


def _of_place(place: str, attempt: int | None) -> LogPlace:
    from clock_train.orchestration.log_places import log_place

    return log_place(place, attempt)


def _is_of_cluster(place: str) -> bool:
    """Whether a word that could be a clone's name is no folder here, and there is a cluster to ask."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", place) or Path(place).exists():
        return False
    return bool(os.environ.get("KUBECONFIG")) or Path("~/.kube/config").expanduser().is_file()
