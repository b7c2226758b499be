"""Where the logs of a run are: below its output folder, or in the store that it was given."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from clock_train.errors import RunNotFound
from clock_train.orchestration.attempts import attempts_of
from clock_train.storage.opening import Storage, open_object, open_storage
from clock_train.storage.places import RunPlace

NOTE = "place.json"
"""What a job leaves in its output folder: the store, and the prefix of its run in it."""


@dataclass(frozen=True)
class LogPlace:
    """A store and the prefix of one attempt's logs in it."""

    storage: Storage
    prefix: str


def remember_place(out: Path, store: str, run: RunPlace) -> None:
    """Leave word in an output folder of where its run is stored."""
    (out / NOTE).write_text(json.dumps({"store": store, "run": run.run_prefix}), encoding="utf-8")


def log_place(place: str, attempt: int | None) -> LogPlace:
    """The logs that a person means.

    Args:
        place: output folder of a run, or ``s3://bucket/<namespace>/runs/<uid>``.
        attempt: None takes the newest.

    Raises:
        RunNotFound: there is no run, or no such attempt.
    """
    storage, run_prefix = _run(place)
    return attempt_logs(storage, run_prefix, attempt, said=place)


def attempt_logs(storage: Storage, run_prefix: str, attempt: int | None, *, said: str) -> LogPlace:
    """The logs of one attempt of a run in a store.

    Args:
        storage: the store.
        run_prefix: ``<namespace>/runs/<uid>``.
        attempt: None takes the newest.
        said: what the person named, for the message.

    Raises:
        RunNotFound: there is no attempt, or not this one.
    """
    attempts = attempts_of(storage, run_prefix)
    if not attempts:
        raise RunNotFound(f'"{said}" holds no attempt; name the output folder of "clocktrain run", or a run in a store')
    if attempt is not None and attempt not in attempts:
        known = ", ".join(str(number) for number in attempts)
        raise RunNotFound(f"{run_prefix} has no attempt {attempt}; it has {known}")
    return LogPlace(storage, f"{run_prefix}/attempt-{attempt or attempts[-1]}/logs")


def _run(place: str) -> tuple[Storage, str]:
    if place.startswith("s3://"):
        storage, key = open_object(place)
        return storage, key.rstrip("/")
    folder = Path(place)
    if (folder / NOTE).exists():
        try:
            note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
            return open_storage(str(note["store"])), str(note["run"])
        except (ValueError, KeyError, TypeError) as cause:
            raise RunNotFound(
                f'"{folder / NOTE}" is damaged; name the run itself: STORE/<namespace>/runs/<uid>'
            ) from cause
    match = re.fullmatch(r"(?P<root>.+?)/(?P<prefix>[^/]+/runs/[^/]+)/?", place)
    if match and folder.is_dir():
        return open_storage(Path(match["root"])), match["prefix"]
    raise RunNotFound(f'"{place}" is no output folder of a run; name the one that "clocktrain run" wrote')
