"""Finding and erasing what MLflow keeps of a voice or a speaker: runs with all their files, and registered models.

A tracker that is a database is cleared of a run wholly, as ``mlflow gc`` does. A server offers only to mark a run as
deleted: its files and its tags go here, its name is replaced, and figures without a name wait for ``mlflow gc`` there.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clock_train.errors import TrackingDenied, TrackingUnreachable
from clock_train.tracking.mlflow_run import EXPERIMENT, tracking_error, without_secrets

from mlflow import MlflowClient  # isort: skip - after mlflow_run, which sets what it reads once
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

PAGE = 500
NAMELESS = "erased"


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """One run, as far as it tells whose it is."""

    run_id: str
    name: str
    tags: Mapping[str, str]


def find_runs(uri: str, is_wanted: Callable[[TrackedRun], bool]) -> list[TrackedRun]:
    """Runs of the experiment that are wanted, also those that were marked as deleted.

    Raises:
        TrackingError: the tracker does not answer, or refuses.
    """
    if _is_gone(uri):
        return []
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    found: list[TrackedRun] = []
    with _errors(uri):
        experiment = client.get_experiment_by_name(EXPERIMENT)
        token: str | None = None
        while experiment is not None:
            page = client.search_runs(
                [experiment.experiment_id], run_view_type=ViewType.ALL, max_results=PAGE, page_token=token
            )
            runs = [TrackedRun(run_id=r.info.run_id, name=r.info.run_name or "", tags=r.data.tags) for r in page]
            found += [run for run in runs if is_wanted(run)]
            token = page.token
            if not token:
                break
    return found


def find_models(uri: str, names: set[str], run_ids: set[str]) -> list[str]:
    """``name/version`` of registered models of these names, or made from these runs.

    Raises:
        TrackingError: the tracker does not answer, or refuses.
    """
    if _is_gone(uri):
        return []
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    with _errors(uri):
        queries = [f"name = '{name}'" for name in sorted(names) if "'" not in name]
        queries += [f"run_id = '{run_id}'" for run_id in sorted(run_ids)]
        return sorted({f"{v.name}/{v.version}" for query in queries for v in client.search_model_versions(query)})


def erase_run(uri: str, run_id: str) -> None:
    """Remove a run with its files; one that is gone is no error.

    Raises:
        TrackingError: the tracker does not do it.
    """
    if _is_gone(uri):
        return
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    with _errors(uri):
        run = _run(client, run_id)
        if run is None:
            return
        files = get_artifact_repository(run.info.artifact_uri or "", tracking_uri=uri, registry_uri=uri)
        if files.list_artifacts():
            files.delete_artifacts()
        if not uri.startswith("http"):
            client._tracking_client.store._hard_delete_run(run_id)  # as "mlflow gc" does
            return
        if run.info.lifecycle_stage == "deleted":
            client.restore_run(run_id)  # one that is marked takes no change
        client.update_run(run_id, name=NAMELESS)
        for tag in run.data.tags:
            if tag != "mlflow.runName":
                client.delete_tag(run_id, tag)
        client.delete_run(run_id)


def erase_model(uri: str, name_and_version: str) -> None:
    """Remove a version of a registered model, and the model once it has none; one that is gone is no error.

    Raises:
        TrackingError: the tracker does not do it.
    """
    if _is_gone(uri):
        return
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    name, _, version = name_and_version.rpartition("/")
    with _errors(uri):
        with _absent_is_fine():
            client.delete_model_version(name, version)
        with _absent_is_fine():
            if not client.search_model_versions(f"name = '{name}'"):
                client.delete_registered_model(name)


def forget_freed(uri: str) -> None:
    """Let a database in a file rewrite itself: what is deleted stays readable in its free pages until then."""
    path = _database_path(uri)
    if path is not None and path.exists():
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as database:
            database.execute("VACUUM")


def is_run_left(uri: str, run_id: str) -> bool:
    """Whether anything that says whose it was is left of a run: its files, its tags or its name.

    Raises:
        TrackingError: the tracker does not answer.
    """
    if _is_gone(uri):
        return False
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    with _errors(uri):
        run = _run(client, run_id)
        if run is None:
            return False
        files = get_artifact_repository(run.info.artifact_uri or "", tracking_uri=uri, registry_uri=uri)
        named = set(run.data.tags) - {"mlflow.runName"} or run.info.run_name != NAMELESS
        return run.info.lifecycle_stage != "deleted" or bool(named) or bool(files.list_artifacts())


def is_model_left(uri: str, name_and_version: str) -> bool:
    """Whether a version of a registered model is left.

    Raises:
        TrackingError: the tracker does not answer.
    """
    if _is_gone(uri):
        return False
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    name, _, version = name_and_version.rpartition("/")
    with _errors(uri):
        with _absent_is_fine():
            return client.get_model_version(name, version).current_stage != "Deleted_Internal"
        return False


def _run(client: MlflowClient, run_id: str):
    with _absent_is_fine():
        return client.get_run(run_id)
    return None


@contextlib.contextmanager
def _absent_is_fine() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


@contextlib.contextmanager
def _errors(uri: str) -> Iterator[None]:
    try:
        yield
    except (MlflowException, OSError) as error:  # requests' errors are OSErrors, as are a folder's
        worded = tracking_error(error, uri)
        if isinstance(worded, TrackingDenied):
            raise worded from error
        reason = without_secrets(" ".join(str(error).split()))[:300]
        raise TrackingUnreachable(
            f"{without_secrets(uri)} did not do it ({reason}). Look whether "
            "it runs, then give the same command again; it goes on where it was"
        ) from error


def _database_path(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _is_gone(uri: str) -> bool:
    """Whether the tracker is a database whose file is not there; MLflow would make an empty one."""
    path = _database_path(uri)
    return path is not None and not path.exists()
