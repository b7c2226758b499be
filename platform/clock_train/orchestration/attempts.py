"""Where one attempt of a run writes, and which checkpoints it may read.

An attempt writes under its own prefix only. At its start it records, once, the checkpoint that it goes on from; readers
follow that chain. So what a cut-off worker of attempt 1 commits after attempt 2 began is never read, although no object
store can stop the write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from clock_train.errors import AttemptDamaged, CheckpointNotFound, StorageNotFound
from clock_train.storage.commits import step_prefix
from clock_train.storage.opening import Storage
from clock_train.storage.places import RunPlace

_CHECKPOINT = re.compile(r"(?P<prefix>.+/runs/[^/]+/attempt-\d+)/checkpoints/step-(?P<step>\d+)/?")


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """The checkpoint that an attempt went on from."""

    prefix: str
    """Of the attempt that saved it."""
    step: int

    @property
    def key(self) -> str:
        """Prefix of the checkpoint's files."""
        return step_prefix(f"{self.prefix}/checkpoints", self.step)


@dataclass(frozen=True, kw_only=True)
class AttemptStart:
    """What an attempt records once, before anything else."""

    started_at: str
    """RFC 3339."""
    resumed_from: Resumption | None = None
    starts: int = 1
    """How often; more than one where a machine was lost and the same job was started again."""
    corpora: Mapping[str, str] = field(default_factory=dict)
    """Speaker → revision that was taken; a later attempt takes the same."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Checkpoints of one attempt that a reader may use."""

    checkpoints: str
    last_step: int | None
    """None: all of them."""


def resumption_of(uri: str, store: str, place: RunPlace) -> Resumption:
    """The checkpoint that a person or the operator names.

    Args:
        uri: ``s3://bucket/<key>``, a folder of the store, or the key itself, ending in ``checkpoints/step-<n>``.
        store: folder or bucket of the run.
        place: the attempt that goes on from it.

    Raises:
        CheckpointNotFound: it is no checkpoint of an earlier attempt of this run.
    """
    key = _key_in(uri, store)
    match = _CHECKPOINT.fullmatch(key) if key else None
    if match is None:
        raise CheckpointNotFound(
            f'"{uri}" is no checkpoint of {store}; give .../attempt-<n>/checkpoints/step-<m> of an earlier attempt'
        )
    found = Resumption(prefix=match["prefix"], step=int(match["step"]))
    earlier = RunPlace.of_prefix(found.prefix)
    if (earlier.namespace, earlier.uid) != (place.namespace, place.uid) or earlier.attempt >= place.attempt:
        raise CheckpointNotFound(
            f'"{uri}" belongs to {found.prefix}, which is no earlier attempt of {place.run_prefix}; an attempt goes on '
            "from an attempt of its own run"
        )
    return found


def start_attempt(storage: Storage, place: RunPlace, resumed_from: Resumption | None = None) -> AttemptStart:
    """Record the start of an attempt, or read the record where it has started before.

    Raises:
        CheckpointNotFound: the checkpoint to go on from is not there.
    """
    known = read_start(storage, place)
    if known is not None:
        return known
    if resumed_from is not None and not storage.exists(f"{resumed_from.key}/COMMITTED"):
        raise CheckpointNotFound(f"{resumed_from.key} holds no committed checkpoint; name one that does")
    return write_start(storage, place, AttemptStart(started_at=_now(), resumed_from=resumed_from))


def count_start(storage: Storage, place: RunPlace, resumed_from: Resumption | None = None) -> AttemptStart:
    """As ``start_attempt``, by a process that does the work: counts it.

    Raises:
        CheckpointNotFound: the checkpoint to go on from is not there.
    """
    known = read_start(storage, place)
    if known is None:
        return start_attempt(storage, place, resumed_from)
    return write_start(storage, place, replace(known, starts=known.starts + 1))


def with_corpora(storage: Storage, place: RunPlace, corpora: Mapping[str, str]) -> None:
    """Add which revisions an attempt took."""
    known = read_start(storage, place)
    assert known is not None
    if dict(known.corpora) != dict(corpora):
        write_start(storage, place, replace(known, corpora=dict(corpora)))


def write_start(storage: Storage, place: RunPlace, start: AttemptStart) -> AttemptStart:
    """Write the record."""
    storage.put(f"{place.prefix}/start.json", json.dumps(asdict(start), indent=1).encode())
    return start


def read_start(storage: Storage, place: RunPlace) -> AttemptStart | None:
    """The record of an attempt; None where it never started.

    Raises:
        AttemptDamaged: the record is no record.
    """
    key = f"{place.prefix}/start.json"
    try:
        content = storage.get(key)
    except StorageNotFound:
        return None
    try:
        values: dict[str, Any] = json.loads(content)
        resumed = values["resumed_from"]
        return AttemptStart(
            started_at=str(values["started_at"]),
            resumed_from=None if resumed is None else Resumption(prefix=resumed["prefix"], step=int(resumed["step"])),
            starts=int(values.get("starts", 1)),
            corpora={str(name): str(revision) for name, revision in values["corpora"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise AttemptDamaged(f"{key} is damaged ({cause}); begin the next attempt from a checkpoint by name") from cause


def lineage(storage: Storage, place: RunPlace) -> Iterator[tuple[RunPlace, int | None]]:
    """This attempt and those it goes back to, newest first, each with the last of its steps that counts."""
    seen: set[str] = set()
    last_step: int | None = None
    while place.prefix not in seen:
        seen.add(place.prefix)
        yield place, last_step
        start = read_start(storage, place)
        if start is None or start.resumed_from is None:
            return
        step = start.resumed_from.step
        # an attempt that was gone back from before its own first step hides nothing of the one before it
        last_step = step if last_step is None else min(last_step, step)
        place = RunPlace.of_prefix(start.resumed_from.prefix)


def attempts_of(storage: Storage, run_prefix: str) -> list[int]:
    """Numbers of the attempts below a run's prefix."""
    found = {item.key.removeprefix(f"{run_prefix}/").split("/")[0] for item in storage.list(run_prefix)}
    return sorted(int(name.removeprefix("attempt-")) for name in found if re.fullmatch(r"attempt-\d+", name))


def _key_in(uri: str, store: str) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        root = urlsplit(store)
        return parts.path.strip("/") if (root.scheme, root.netloc) == ("s3", parts.netloc) else None
    path = Path(unquote(parts.path) if parts.scheme == "file" else uri)
    if not path.is_absolute():
        return uri
    if store.startswith("s3://"):
        return None
    root = Path(store.removeprefix("file://")).absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
