"""Which stages of a clone are finished, for which version, and where their results are.

Without a store of its own a clone keeps results in its output folder, and ``stages.json`` there says so. With one, each
result is committed below the attempt that made it, so that a machine which comes new goes on where another was lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from clock_train.errors import StorageNotFound
from clock_train.orchestration.attempts import lineage
from clock_train.storage.opening import Storage
from clock_train.storage.places import RunPlace
from clock_train.storage.stored_folders import bring_folder, keep_folder

LEDGER_NAME = "stages.json"


@dataclass(frozen=True)
class FinishedStage:
    """A stage that needs no second run."""

    digest: str
    """Of the version that it was finished for."""
    finished_at: str
    """RFC 3339."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Name of a result below the output folder → its prefix in storage; empty where the folder itself is kept."""


class StageLedger(Protocol):
    """Where finished stages are looked up."""

    def finished(self) -> dict[str, FinishedStage]:
        """Stage → how it was finished."""
        ...


class StageKeeper(StageLedger, Protocol):
    """Where a job writes down what it finished."""

    def keep(self, stage: str, digest: str, results: Mapping[str, Path]) -> None:
        """A stage is finished; its results by name, each a folder."""

    def bring(self, stage: FinishedStage, out: Path) -> bool:
        """Put a finished stage's results below ``out``; False where they are lost."""
        ...


@dataclass(frozen=True)
class FolderLedger:
    """``stages.json`` of an output folder; one that is damaged counts as empty, since running a stage again is safe."""

    folder: Path

    def finished(self) -> dict[str, FinishedStage]:
        """Stage → how it was finished."""
        try:
            return _parsed((self.folder / LEDGER_NAME).read_bytes())
        except OSError:
            return {}

    def keep(self, stage: str, digest: str, results: Mapping[str, Path]) -> None:
        """A stage is finished; its results stay where they are."""
        entries = {**self.finished(), stage: FinishedStage(digest, _now())}
        partial = self.folder / f"{LEDGER_NAME}.partial"
        partial.write_bytes(_written(entries))
        partial.replace(self.folder / LEDGER_NAME)

    def bring(self, stage: FinishedStage, out: Path) -> bool:
        """They are there already."""
        return True


@dataclass(frozen=True)
class StoredLedger:
    """``stages.json`` and ``stages/`` of each attempt, read along the chain that the attempt goes back to."""

    storage: Storage
    place: RunPlace

    def finished(self) -> dict[str, FinishedStage]:
        """Stage → how it was finished."""
        found: dict[str, FinishedStage] = {}
        for place, _ in lineage(self.storage, self.place):
            found = {**self._of(place), **found}
        return found

    def keep(self, stage: str, digest: str, results: Mapping[str, Path]) -> None:
        """Commit the results, and then say that the stage is finished."""
        prefix = f"{self.place.prefix}/stages/{stage.lower()}"
        folders = {name: keep_folder(self.storage, f"{prefix}/{name}", path) for name, path in results.items()}
        entries = {**self._of(self.place), stage: FinishedStage(digest, _now(), folders)}
        self.storage.put(f"{self.place.prefix}/{LEDGER_NAME}", _written(entries))

    def bring(self, stage: FinishedStage, out: Path) -> bool:
        """Copy the results from storage."""
        try:
            for name, prefix in stage.folders.items():
                bring_folder(self.storage, prefix, out / name)
        except StorageNotFound:
            return False
        return True

    def _of(self, place: RunPlace) -> dict[str, FinishedStage]:
        try:
            return _parsed(self.storage.get(f"{place.prefix}/{LEDGER_NAME}"))
        except StorageNotFound:
            return {}


def _parsed(content: bytes) -> dict[str, FinishedStage]:
    try:
        values: Any = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    return {
        stage: FinishedStage(str(entry["digest"]), str(entry.get("finishedAt", "")), dict(entry.get("folders", {})))
        for stage, entry in values.items()
        if isinstance(entry, dict) and "digest" in entry
    }


def _written(entries: Mapping[str, FinishedStage]) -> bytes:
    plain = {}
    for stage, entry in entries.items():
        values = asdict(entry)
        plain[stage] = {"digest": values["digest"], "finishedAt": values["finished_at"], "folders": values["folders"]}
    return json.dumps(plain, indent=1).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
