"""Which stages of a clone are finished, and for which version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LEDGER_NAME = "stages.json"


@dataclass(frozen=True)
class FinishedStage:
    """A stage that needs no second run."""

    digest: str
    """Of the version that it was finished for."""
    finished_at: str
    """RFC 3339."""


class StageLedger(Protocol):
    """Where finished stages are looked up."""

    def finished(self) -> dict[str, FinishedStage]:
        """Stage → how it was finished."""
        ...


@dataclass(frozen=True)
class FolderLedger:
    """``stages.json`` of an output folder; one that is damaged counts as empty, since running a stage again is safe."""

    folder: Path

    def finished(self) -> dict[str, FinishedStage]:
        """Stage → how it was finished."""
        try:
            values = json.loads((self.folder / LEDGER_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(values, dict):
            return {}
        return {
            stage: FinishedStage(str(entry["digest"]), str(entry.get("finishedAt", "")))
            for stage, entry in values.items()
            if isinstance(entry, dict) and "digest" in entry
        }
