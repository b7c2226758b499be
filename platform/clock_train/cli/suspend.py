"""``clocktrain suspend``: save, and stop until it is resumed."""

from __future__ import annotations

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, follow_hint, patch_clone

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def suspend(name: NameArgument, *, namespace: NamespaceOption = None, context: ContextOption = None) -> None:
    """Let a clone save and stop, until it is resumed."""
    clone = patch_clone(name, namespace, context, {"spec": {"suspend": True}})
    print(
        f"{name}: spec.suspend is true; what runs saves a checkpoint first and then stops. {follow_hint(name, clone)}"
    )
