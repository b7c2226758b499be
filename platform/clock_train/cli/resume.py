"""``clocktrain resume``: go on from the newest checkpoint."""

from __future__ import annotations

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, follow_hint, patch_clone

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def resume(name: NameArgument, *, namespace: NamespaceOption = None, context: ContextOption = None) -> None:
    """Let a suspended clone go on from its newest checkpoint."""
    clone = patch_clone(name, namespace, context, {"spec": {"suspend": False}})
    print(f"{name}: spec.suspend is false; it goes on from the newest checkpoint. {follow_hint(name, clone)}")
