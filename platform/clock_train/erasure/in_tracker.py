"""What an MLflow has of a voice or speaker: runs with their files, and versions of registered models."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from clock_train.erasure.receipt import MODEL, RUN, Item

if TYPE_CHECKING:
    from clock_train.tracking.mlflow_erasing import TrackedRun


def find_in_tracker(uri: str, is_theirs: Callable[[TrackedRun], bool], *, voices: Collection[str] = ()) -> list[Item]:
    """Runs, and the registered models that came of them.

    Args:
        uri: of the tracker.
        is_theirs: whether a run is the subject's.
        voices: names of registered models that go whatever run they came of.
    Raises:
        TrackingError: it does not answer, or refuses.
    """
    from clock_train.tracking.mlflow_erasing import find_models, find_runs

    runs = find_runs(uri, is_theirs)
    models = find_models(uri, set(voices), {run.run_id for run in runs})
    return [
        *(Item(kind=RUN, place=uri, key=run.run_id, what="a run with its files and samples") for run in runs),
        *(Item(kind=MODEL, place=uri, key=name, what="a version of a registered model") for name in models),
    ]
