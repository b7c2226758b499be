"""What every command that speaks to a cluster takes, and how it gets there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clock_train.cluster.client import Cluster

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the VoiceClone.")]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; by default the kubeconfig's.")
]
ContextOption = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig; by default its own.")]


@contextmanager
def connected(context: str | None) -> Iterator[Cluster]:
    """The cluster of a context."""
    from clock_train.cluster.client import Cluster

    with Cluster(context) as cluster:
        yield cluster


def patch_clone(name: str, namespace: str | None, context: str | None, patch: dict[str, Any]) -> dict[str, Any]:
    """Merge a few fields into a clone; the clone as it is then."""
    from clock_train.cluster.kinds import CLONES

    with connected(context) as cluster:
        return cluster.merge(CLONES, name, patch, namespace)


def annotate_clone(
    name: str, namespace: str | None, context: str | None, annotations: dict[str, str | None]
) -> dict[str, Any]:
    """Set annotations of a clone; None removes one."""
    return patch_clone(name, namespace, context, {"metadata": {"annotations": annotations}})


def follow_hint(name: str, clone: dict[str, Any]) -> str:
    """How to see what comes of it."""
    return f"Follow it: clocktrain status {name} -n {clone['metadata']['namespace']} -w"
