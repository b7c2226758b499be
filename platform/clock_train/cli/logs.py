"""``clocktrain logs``: what a run and its workers said, from storage, so after they are gone too."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def logs(
    place: Annotated[
        str, typer.Argument(metavar="PLACE", help="Output folder of a run, or s3://bucket/<namespace>/runs/<uid>.")
    ],
    *,
    attempt: Annotated[int | None, typer.Option(min=1, help="Number of the attempt; by default the newest.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="driver, or worker-<rank>; by default all.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what comes, until Ctrl-C.")] = False,
) -> None:
    """Show what a run and its workers said, after they are gone too."""
    from clock_train.orchestration.log_places import log_place
    from clock_train.orchestration.run_log import StoredLog, read_logs, wait_for_more

    found = log_place(place, attempt)

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
