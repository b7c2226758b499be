"""``clocktrain retry``: another attempt after one that failed for good."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from clock_train.cli.cluster_options import ContextOption, NameArgument, NamespaceOption, annotate_clone, follow_hint

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def retry(name: NameArgument, *, namespace: NamespaceOption = None, context: ContextOption = None) -> None:
    """Let a failed clone try once more."""
    from clock_train.crd.names import RETRY

    # a time is a value that no retry before it had
    asked_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    clone = annotate_clone(name, namespace, context, {RETRY: asked_at})
    conditions = (clone.get("status") or {}).get("conditions") or []
    has_failed = any(each["type"] == "Failed" and each["status"] == "True" for each in conditions)
    says = (
        "one more attempt was asked for"
        if has_failed
        else "it has not failed; a failure that comes may be retried once"
    )
    print(f"{name}: {says}. {follow_hint(name, clone)}")
