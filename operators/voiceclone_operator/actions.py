"""What a plan may ask for. Each is safe to do twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any


@dataclass(frozen=True)
class Apply:
    """Server-side apply of a child, whole: what is not in it is removed."""

    manifest: dict[str, Any]


@dataclass(frozen=True)
class CreateJob:
    """Make the RayJob of an attempt; one that is there and is ours counts as made. Its spec is never applied again."""

    manifest: dict[str, Any]


@dataclass(frozen=True)
class DeleteJob:
    """Delete the RayJob of an attempt, and with it its Ray cluster."""

    name: str
    uid: str
    """A RayJob of the same name with another uid is not meant."""


@dataclass(frozen=True)
class AddFinalizer:
    """So that deleting the clone waits for what owner references cannot clean."""


@dataclass(frozen=True)
class RemoveFinalizer:
    """The clone may go."""


@dataclass(frozen=True)
class CreateCleanup:
    """Make the Job in the operator's own namespace that erases what the clone made."""

    manifest: dict[str, Any]


@dataclass(frozen=True)
class LookInStorage:
    """The mailbox does not say how the attempt ended: read the store, and plan again with what it says."""

    attempt: int


@dataclass(frozen=True)
class WriteStatus:
    """The whole status."""

    status: dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One entry of the clone's story."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str


Action = (
    Apply | CreateJob | DeleteJob | AddFinalizer | RemoveFinalizer | CreateCleanup | LookInStorage | WriteStatus | Event
)


@dataclass(frozen=True)
class Plan:
    """What to do now, and when to look again at the latest."""

    actions: list[Action] = field(default_factory=list)
    look_again_s: float | None = None
    """None: when something changes."""


def side_by_side(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """The actions in their order, with children that need not wait for one another in one step.

    A RayJob comes after everything that its pods read, a status after what it tells of, and a RoleBinding after its
    Role: the API server looks up what is granted, and refuses one whose Role is not there yet.
    """
    for is_child, group in groupby(actions, key=lambda action: isinstance(action, Apply)):
        if not is_child:
            yield from ([action] for action in group)
            continue
        first: list[Action] = []
        binds: list[Action] = []
        for action in group:
            is_bind = isinstance(action, Apply) and action.manifest["kind"] == "RoleBinding"
            (binds if is_bind else first).append(action)
        yield from (step for step in (first, binds) if step)
