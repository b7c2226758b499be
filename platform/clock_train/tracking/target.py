"""Which MLflow a run is sent to, and where its entries wait."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TRACKING_FOLDER = "tracking"
"""In a run's output folder; one folder a run below it."""


@dataclass(frozen=True, kw_only=True)
class TrackingTarget:
    """Which MLflow."""

    uri: str
    artifacts: Path | None = None
    """Where a database keeps files; a server has its own place."""


def local_target(output: Path) -> TrackingTarget:
    """MLflow on SQLite in a run's own output folder; ``MLFLOW_TRACKING_URI`` names another."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if named:
        return TrackingTarget(uri=named, artifacts=output.absolute() / "mlflow-artifacts")
    return TrackingTarget(
        uri=f"sqlite:///{output.absolute() / 'mlflow.db'}", artifacts=output.absolute() / "mlflow-artifacts"
    )
