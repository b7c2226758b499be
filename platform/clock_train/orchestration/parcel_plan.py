"""What a parcel holds, and whether it is whole. Read on a machine that has PyTorch and numpy alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clock_train.bundle.card import file_digest
from clock_train.errors import ConsentExpired, ParcelDamaged

PLAN, CORPUS, START, CODE, LIBRARIES = "plan.json", "corpus", "start", "code.zip", "libraries"
FORMAT = 1


def read_plan(parcel: Path, *, now: datetime | None = None) -> dict[str, Any]:
    """The plan of a parcel, once all its files were found unchanged.

    Raises:
        ParcelDamaged: a file is gone or changed, or the plan is of another version.
        ConsentExpired: a consent of its recordings has ended since it was written.
    """
    try:
        plan: dict[str, Any] = json.loads((parcel / PLAN).read_text(encoding="utf-8"))
        files, known, until = dict(plan["files"]), plan["format"], plan["consentsUntil"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ParcelDamaged(f'"{parcel}" holds no readable {PLAN} ({error}); bring the parcel again') from error
    if known != FORMAT:
        raise ParcelDamaged(f'"{parcel}" has format {known}, its code reads {FORMAT}; write the parcel anew')
    for name, digest in files.items():
        if not (parcel / name).is_file() or file_digest(parcel / name) != digest:
            raise ParcelDamaged(f'{name} of the parcel "{parcel}" is gone or changed; bring the parcel again')
    if until is not None and (now or datetime.now(UTC)) >= datetime.fromisoformat(until):
        raise ConsentExpired(f"a consent of these recordings ended on {until}; delete the parcel and renew it")
    return plan
