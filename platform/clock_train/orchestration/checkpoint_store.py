"""Checkpoints of a run in storage: where they lie, which one to go on from, and which may go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from clock_train.errors import CheckpointDamaged, StorageDamaged
from clock_train.storage.commits import MARKER, step_prefix
from clock_train.storage.opening import Storage

KEPT = 2
"""Newest checkpoints kept besides the best: one to go on from, and the one before it in case that is damaged."""


class CheckpointStore:
    """The checkpoints below one attempt of one run."""

    def __init__(self, storage: Storage, run_uid: str, *, namespace: str = "local", attempt: int = 1) -> None:
        self._storage = storage
        self.prefix = f"{namespace}/runs/{run_uid}/attempt-{attempt}/checkpoints"

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

        def on_damaged(prefix: str, error: StorageDamaged) -> None:
            damaged.append(f"{prefix.rsplit('/', 1)[-1]}: {error}")

        found = self._storage.newest_commit(self.prefix, on_damaged)
        if found is None:
            if damaged:
                raise CheckpointDamaged(
                    f"every checkpoint under {self.prefix} is damaged ({damaged[0]}); restore one from a backup, or "
                    "delete the folder to start again"
                )
            return None
        for text in damaged:
            warn(f"CheckpointDamaged: {text}; going on from step {found.step}, the one before it")
        return found.step, self._files(found.record.files, found.record.prefix)

    def read(self, step: int) -> dict[str, bytes]:
        """The files of one step, verified.

        Raises:
            CheckpointDamaged: a file does not match its marker.
        """
        try:
            record = self._storage.read_commit(step_prefix(self.prefix, step))
        except StorageDamaged as error:
            raise CheckpointDamaged(f"the checkpoint of step {step} is damaged ({error}); train again") from error
        return self._files(record.files, record.prefix)

    def prune(self, *, best_step: int | None) -> None:
        """Delete all but the newest ``KEPT`` and the best."""
        steps = sorted(self.steps())
        for step in steps[:-KEPT]:
            if step != best_step:
                self._storage.delete_prefix(step_prefix(self.prefix, step))

    def steps(self) -> list[int]:
        """Steps with a marker."""
        keys = [item.key for item in self._storage.list(self.prefix)]
        return [int(key.split("/")[-2].removeprefix("step-")) for key in keys if key.endswith(f"/{MARKER}")]

    def _files(self, names: Mapping[str, object], prefix: str) -> dict[str, bytes]:
        return {name: self._storage.get(f"{prefix}/{name}") for name in names}
