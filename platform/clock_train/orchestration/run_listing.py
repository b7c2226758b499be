"""The runs below a folder, from what each left on disk: no tracker is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clock_train.errors import RunNotFound, TrackingError
from clock_train.orchestration.history_file import read_history
from clock_train.tracking.outbox import ENTRIES, Outbox
from clock_train.tracking.target import TRACKING_FOLDER, local_target

DEEPEST = 4
"""Folders below the one that is named."""


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run as a table shows it."""

    uid: str
    name: str
    output: str
    preset: str
    corpus_revision: str
    step: int
    status: str
    """``running`` also where it was killed: it goes on with the next start."""
    validation: dict[str, float]
    cpu_seconds: float
    waiting: int
    """Entries that the tracker has not taken yet."""
    run_id: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def list_runs(folder: Path) -> list[RunRow]:
    """Every run below a folder, oldest first.

    Raises:
        RunNotFound: there is none.
    """
    found = sorted(_outboxes(folder), key=lambda path: path.stat().st_mtime)
    if not found:
        raise RunNotFound(
            f'no run below "{folder}"; name the output folder of a training ("clocktrain demo" makes one called demo)'
        )
    return [_row(path) for path in found]


def sync_runs(folder: Path, *, note: Callable[[str], None]) -> int:
    """Send what the tracker has not taken yet; how many entries arrived.

    Raises:
        RunNotFound: there is no run.
        TrackingError: the tracker still does not take them; what arrived before is remembered.
    """
    # mlflow costs seconds to import: only where something is to be sent
    from clock_train.tracking.sending import send_waiting

    list_runs(folder)
    total, failed = 0, None
    for path in _outboxes(folder):
        outbox, output = Outbox(path), path.parent.parent
        waiting = len(outbox.waiting())
        if not waiting:
            continue
        with outbox.sending() as may_send:
            if not may_send:
                note(f"{path.name}: another process sends its entries already")
                continue
            target = local_target(output)
            try:
                total += send_waiting(outbox, target.uri, artifacts=target.artifacts)
                note(f"{path.name}: {waiting} entries sent")
            except TrackingError as error:
                failed = error
    if failed is not None:
        raise failed
    return total


def _outboxes(folder: Path) -> list[Path]:
    patterns = ["/".join(["*"] * depth + [TRACKING_FOLDER, "*", ENTRIES]).lstrip("/") for depth in range(DEEPEST)]
    return [path.parent for pattern in patterns for path in folder.glob(pattern)]


def _row(path: Path) -> RunRow:
    outbox, output = Outbox(path), path.parent.parent
    entries = outbox.entries()
    begin = next((entry for entry in reversed(entries) if entry["kind"] == "begin"), {"name": "?", "tags": {}})
    ends = [entry["status"] for entry in entries if entry["kind"] in ("begin", "end") and "status" in entry]
    history = read_history(output / f"history-{path.name}.jsonl")
    scores = next((row["validation"] for row in reversed(history) if "validation" in row), {})
    return RunRow(
        uid=path.name,
        name=begin["name"],
        output=str(output),
        preset=begin["tags"].get("clocktrain.preset", "?"),
        corpus_revision=begin["tags"].get("clocktrain.corpusRevision", "?"),
        step=history[-1]["step"] if history else 0,
        status=ends[-1].lower() if outbox.is_over() and ends else "running",
        validation=scores,
        cpu_seconds=history[-1]["cpu_seconds"] if history else 0.0,
        waiting=len(outbox.waiting()),
        run_id=outbox.run_id or "",
    )
