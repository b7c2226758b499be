"""Checkpoints of a run in storage: where they lie, which one to go on from, and which may go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from clock_train.errors import CheckpointDamaged, StorageDamaged, StorageNotFound
from clock_train.orchestration.attempts import lineage
from clock_train.storage.commits import MARKER, read_marker, step_prefix
from clock_train.storage.opening import Storage
from clock_train.storage.places import RunPlace

KEPT = 2
"""Newest checkpoints kept besides the best: one to go on from, and the one before it in case that is damaged."""


class CheckpointStore:
    """The checkpoints of one attempt, and those of earlier attempts that it goes back to."""

    def __init__(self, storage: Storage, place: RunPlace) -> None:
        self._storage = storage
        self.place = place
        self.prefix = place.checkpoints

    def save(self, step: int, files: Mapping[str, bytes]) -> str:
        """Commit the files of one step; returns their prefix."""
        prefix = step_prefix(self.prefix, step)
        self._storage.commit(prefix, files, committed_at=datetime.now(UTC))
        return prefix

    def newest(self, warn: Callable[[str], None]) -> tuple[int, dict[str, bytes]] | None:
        """Step and files of the newest sound checkpoint; damaged ones are told to ``warn`` and passed over.

        Raises:
            CheckpointDamaged: there are checkpoints, and every one of them is damaged.
        """
        damaged: list[str] = []
        for step, prefix in sorted(self._committed().items(), reverse=True):
            try:
                record = self._storage.read_commit(prefix)
            except StorageDamaged as error:
                damaged.append(f"step-{step}: {error}")
                continue
            except StorageNotFound:
                continue  # deleted between the listing and the reading
            for text in damaged:
                warn(f"CheckpointDamaged: {text}; going on from step {step}, the one before it")
            return step, self._files(record.files, prefix)
        if damaged:
            raise CheckpointDamaged(
                f"every checkpoint under {self.prefix} is damaged ({damaged[0]}); restore one from a backup, or "
                "delete the folder to start again"
            )
        return None

    def read(self, step: int) -> dict[str, bytes]:
        """The files of one step, verified.

        Raises:
            CheckpointDamaged: a file does not match its marker.
        """
        prefix = self._committed().get(step, step_prefix(self.prefix, step))
        try:
            record = self._storage.read_commit(prefix)
        except StorageDamaged as error:
            raise CheckpointDamaged(f"the checkpoint of step {step} is damaged ({error}); train again") from error
        return self._files(record.files, prefix)

    def saved_on(self, step: int) -> str:
        """The UTC day on which a step was saved, YYYY-MM-DD: the same however often a run is started again."""
        marker = read_marker(self._storage, self._committed().get(step, step_prefix(self.prefix, step)))
        return marker.committed_at.astimezone(UTC).date().isoformat()

    def prune(self, *, best_step: int | None) -> None:
        """Delete this attempt's checkpoints, all but the newest ``KEPT`` and the best; those of others stay."""
        steps = sorted(_steps_below(self._storage, self.prefix))
        for step in steps[:-KEPT]:
            if step != best_step:
                self._storage.delete_prefix(step_prefix(self.prefix, step))

    def steps(self) -> list[int]:
        """Steps with a marker."""
        return sorted(self._committed())

    def spoken_step(self, best: int | None, last: int) -> int:
        """The step whose weights become the voice: the best, where its checkpoint is kept, else the last."""
        return best if best is not None and best in self.steps() else last

    def _committed(self) -> dict[int, str]:
        """Step → prefix; where two attempts saved the same step, the later one counts."""
        found: dict[int, str] = {}
        for place, last_step in lineage(self._storage, self.place):
            for step in _steps_below(self._storage, place.checkpoints):
                if last_step is None or step <= last_step:
                    found.setdefault(step, step_prefix(place.checkpoints, step))
        return found

    def _files(self, names: Mapping[str, object], prefix: str) -> dict[str, bytes]:
        return {name: self._storage.get(f"{prefix}/{name}") for name in names}


def _steps_below(storage: Storage, prefix: str) -> list[int]:
    keys = [item.key for item in storage.list(prefix)]
    return [int(key.split("/")[-2].removeprefix("step-")) for key in keys if key.endswith(f"/{MARKER}")]
