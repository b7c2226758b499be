"""``clocktrain report``: one redacted zip about a clone, for whoever helps."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, connected

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def report(
    name: NameArgument,
    *,
    out: Annotated[Path, typer.Option(help="The zip to write.")],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    operator_namespace: Annotated[
        str, typer.Option("--operator-namespace", help="Where the operator runs, for its log.")
    ] = "clocktrain",
) -> None:
    """Write one zip about a clone for support, without secrets.

    What you may not read is left out and named.
    """
    from clock_train import __version__
    from clock_train.cli.clone_page import clone_page
    from clock_train.orchestration.support_report import write_report

    def page(clone: dict[str, Any]) -> str:
        return "\n".join(clone_page(clone, datetime.now(UTC), is_verbose=True)) + "\n"

    with connected(context) as cluster:
        warnings = write_report(
            cluster, name, namespace, out, page=page, operator_namespace=operator_namespace, version=__version__
        )
    for warning in warnings:
        print(f"left out: {warning}", file=sys.stderr)
    print(f"{out}: look through it before you give it away")
