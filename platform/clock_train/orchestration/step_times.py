"""How long a training step takes: measured by the newest run of a folder, or else known from measurements."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEWEST_BYTES = 64 * 1_024
"""Of a history; some hundred rows, whatever its length."""
PHASES = ("hearing", "reading", "contest")


@dataclass(frozen=True)
class StepTimes:
    """Seconds a step by phase, and where they come from."""

    seconds: dict[str, float]
    source: str

    def of(self, phase: str) -> float:
        """Of a phase; one that was not measured takes as long as the slowest that was."""
        return self.seconds.get(phase, max(self.seconds.values()))


KNOWN: dict[tuple[str, str], tuple[int, dict[str, float]]] = {
    ("student", "cpu"): (16, {"hearing": 0.31, "reading": 0.40}),
    # what the teacher's terms add, from a run of "clocktrain distill run --settings cpu"
    ("distillation", "cpu"): (16, {"hearing": 0.37, "reading": 0.56}),
    ("teacher", "cpu"): (4, {"hearing": 1 / 1.8, "reading": 1 / 1.05, "contest": 1 / 0.41}),
}
"""Model and device → batch, and seconds a step of one thread of a two-core machine ("clocktrain bench")."""


def known_step_times(model: str, device: str, *, batch_size: int) -> StepTimes | None:
    """Known figures, made longer in proportion to the batch; None where nothing was measured."""
    if (model, device) not in KNOWN:
        return None
    batch, seconds = KNOWN[(model, device)]
    scaled = {phase: value * batch_size / batch for phase, value in seconds.items()}
    source = f"measured on one thread of another machine's CPU at batch {batch}"
    return StepTimes(scaled, source if batch == batch_size else f"{source}, in proportion to batch {batch_size}")


def measured_step_times(folder: Path) -> StepTimes | None:
    """What the newest history of an output folder measured; None without one."""
    histories = sorted(folder.glob("history-*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not histories:
        return None
    found: dict[str, list[float]] = {}
    for row in _newest_rows(histories[-1]):
        phase, seconds = str(row.get("phase", "")).lower(), row.get("step_seconds")
        if phase in PHASES and isinstance(seconds, int | float) and seconds > 0:
            found.setdefault(phase, []).append(float(seconds))
    if not found:
        return None
    means = {phase: sum(values[-10:]) / len(values[-10:]) for phase, values in found.items()}
    return StepTimes(means, f"measured here, by the newest steps of {histories[-1].name}")


def _newest_rows(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        file.seek(0, 2)
        start = max(0, file.tell() - NEWEST_BYTES)
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    rows = []
    for line in lines[1:] if start else lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows
