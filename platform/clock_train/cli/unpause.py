"""``clocktrain unpause``: the operator looks after a clone again."""

from __future__ import annotations

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, annotate_clone

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def unpause(name: NameArgument, *, namespace: NamespaceOption = None, context: ContextOption = None) -> None:
    """Let the operator look after a paused clone again."""
    from clock_train.crd.names import PAUSED

    annotate_clone(name, namespace, context, {PAUSED: None})
    print(f"{name}: the operator looks after it again")
