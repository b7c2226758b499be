"""``clocktrain pause``: the operator leaves one clone alone."""

from __future__ import annotations

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, annotate_clone

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def pause(name: NameArgument, *, namespace: NamespaceOption = None, context: ContextOption = None) -> None:
    """Let the operator leave a clone alone; what runs goes on."""
    from clock_train.crd.names import PAUSED

    annotate_clone(name, namespace, context, {PAUSED: "true"})
    print(f"{name}: the operator leaves it alone. Undo it: clocktrain unpause {name}")
