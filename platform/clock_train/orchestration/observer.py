"""Who follows a run for a team, whatever the tool: told its identity, its curves and its end.

The second implementation is the tests'; the first is ``run_tracking``, which writes to MLflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clock_train.training.loop import FitResult


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What identifies a run: the same data, model, training and base are the same run."""

    uid: str
    name: str
    preset: str
    model: dict[str, Any]
    training: dict[str, Any]
    corpus_revision: str
    """sha256 over manifests and sounds."""
    dvc_revisions: list[str]
    """What each corpus was pushed as; empty texts for those that were not."""
    speakers: list[str]
    base: str | None
    workers: int
    store: str
    packed_path: str
    prefix: str
    """Of the attempt in the store."""
    code: str
    """Version of this package."""


class Observer(Protocol):
    """Called in the thread that does the work, so each method must be quick and must not fail."""

    def begin(self, facts: RunFacts) -> None:
        """A run starts, or goes on."""

    def progress(self, row: dict[str, Any]) -> None:
        """One row of the history: means over some steps, and validation scores where there are some."""

    def end(self, result: FitResult, voice_path: Path | None) -> None:
        """Training ended; no voice where it was asked to stop."""

    def failed(self, error: BaseException) -> None:
        """Training could not go on."""
