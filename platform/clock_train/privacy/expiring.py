"""Recordings whose time is over, erased with a signed receipt a speaker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clock_train.erasure.receipt import RECORDINGS
from clock_train.erasure.request import Request, erase, plan
from clock_train.errors import ErasureFoundNothing
from clock_train.issuing.installation import Installation
from clock_train.privacy.retention import Due, due_dates, read_rules


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where recordings are looked for, as ``clocktrain erase`` takes them."""

    stores: Sequence[str] = ()
    namespace: str = "local"
    folders: Sequence[Path] = ()


@dataclass(frozen=True, kw_only=True)
class Expired:
    """What was found of a speaker whose time is over."""

    due: Due
    num_objects: int
    receipt: Path | None
    """None where nothing was changed."""


def overdue(installation: Installation, now: datetime) -> list[Due]:
    """Speakers whose recordings may not be kept any more; a clock that was moved back gives nobody more time."""
    consents = installation.consents()
    now = consents.newest_time(now)
    found = due_dates(consents.records(), consents.revoked(), read_rules(installation.folder))
    return [due for due in found if due.at <= now]


def expire(
    places: Places,
    installation: Installation,
    *,
    now: datetime,
    is_dry: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Expired]:
    """Erase what is over, one speaker after another; those of whom nothing is left are passed over.

    Raises:
        ClockTrainError: as `erasure.request.erase`; who came before is erased, and the same call goes on.
    """
    for due in overdue(installation, now):
        request = Request(
            scope=RECORDINGS,
            name=due.speaker,
            reason=f"retention: {due.why}",
            stores=places.stores,
            namespace=places.namespace,
            folders=places.folders,
        )
        try:
            found = plan(request, installation)
        except ErasureFoundNothing:
            continue
        if is_dry:
            yield Expired(due=due, num_objects=len(found.items), receipt=None)
            continue
        receipt, path = erase(request, installation, report=report)
        yield Expired(due=due, num_objects=len(receipt.items), receipt=path)
