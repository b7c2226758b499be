"""The MLflow adapter: one entry of an outbox to one run. The only module that imports mlflow.

Every method may be called twice with the same entry: a run is found again by its uid, MLflow drops a metric of the same
key, step, time and value, parameters that exist are left, and artifacts are overwritten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clock_train.errors import TrackingDenied, TrackingError, TrackingUnreachable

# before mlflow is imported: it reads these once. A private cloud reports to nobody, and no call may hang.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException, RestException

EXPERIMENT = "clocktrain"
UID_TAG = "clocktrain.uid"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""So that the page opens on trainings and not on chats."""
LONGEST_PARAM = 6_000
METRICS_A_CALL, PARAMS_A_CALL = 1_000, 100


class MlflowRun:
    """One run on one tracking server or database."""

    def __init__(self, uri: str, *, artifacts: Path | None = None, run_id: str | None = None) -> None:
        self._uri = uri
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._artifacts = artifacts
        self.run_id = run_id

    def begin(self, entry: Mapping[str, Any]) -> None:
        """Find the run of this uid, or make it; name, tags and parameters."""
        uid = entry["tags"][UID_TAG]
        experiment = self._experiment()
        if self.run_id is None:
            found = self._client.search_runs([experiment], filter_string=f"tags.`{UID_TAG}` = '{uid}'", max_results=1)
            self.run_id = found[0].info.run_id if found else None
        if self.run_id is None:
            made = self._client.create_run(
                experiment, start_time=entry["time_ms"], run_name=entry["name"], tags=dict(entry["tags"])
            )
            self.run_id = made.info.run_id
        else:
            self._client.update_run(self.run_id, status="RUNNING")
            self.tags(entry)
        known = self._client.get_run(self.run_id).data.params
        new = [Param(k, str(v)[:LONGEST_PARAM]) for k, v in entry["params"].items() if k not in known]
        for start in range(0, len(new), PARAMS_A_CALL):
            self._client.log_batch(self.run_id, params=new[start : start + PARAMS_A_CALL])

    def metrics(self, entries: list[Mapping[str, Any]]) -> None:
        """Curves: ``values`` at ``step`` of each entry."""
        points = [
            Metric(name, float(value), entry["time_ms"], entry["step"])
            for entry in entries
            for name, value in entry["values"].items()
        ]
        for start in range(0, len(points), METRICS_A_CALL):
            self._client.log_batch(self._id(), metrics=points[start : start + METRICS_A_CALL])

    def tags(self, entry: Mapping[str, Any]) -> None:
        """Tags, replacing those of the same name."""
        self._client.log_batch(self._id(), tags=[RunTag(k, str(v)) for k, v in entry["tags"].items()])

    def artifact(self, entry: Mapping[str, Any]) -> None:
        """A file or a folder, under a path of the run. One that is gone is passed over."""
        path = Path(entry["path"])
        if path.is_dir():
            self._client.log_artifacts(self._id(), str(path), entry["to"] or None)
        elif path.exists():
            self._client.log_artifact(self._id(), str(path), entry["to"] or None)

    def text(self, entry: Mapping[str, Any]) -> None:
        """A text file of the run."""
        self._client.log_text(self._id(), entry["text"], entry["to"])

    def model(self, entry: Mapping[str, Any]) -> None:
        """A version of the voice's registered model with the alias ``candidate``, once a digest."""
        name, digest = entry["name"], entry["digest"]
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        versions = self._client.search_model_versions(f"name = '{name}'")
        version = next((v for v in versions if v.tags.get("clocktrain.digest") == digest), None)
        if version is None:
            source = f"{self._client.get_run(self._id()).info.artifact_uri}/{entry['to']}"
            tags = {"clocktrain.digest": digest}
            version = self._client.create_model_version(name, source, self._id(), tags=tags)
        self._client.set_registered_model_alias(name, "candidate", str(version.version))

    def end(self, entry: Mapping[str, Any]) -> None:
        """The run's end: ``FINISHED``, ``FAILED`` or ``KILLED``."""
        self._client.set_terminated(self._id(), status=entry["status"], end_time=entry["time_ms"])

    def url(self) -> str:
        """Where a server shows the run; empty for a database, which the UI command opens."""
        if not self._uri.startswith("http"):
            return ""
        info = self._client.get_run(self._id()).info
        return f"{without_secrets(self._uri).rstrip('/')}/#/experiments/{info.experiment_id}/runs/{info.run_id}"

    def _id(self) -> str:
        if self.run_id is None:
            raise TrackingError("an entry came before the run it belongs to. Delete the outbox and run again.")
        return self.run_id

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return found.experiment_id
        location = None
        if self._artifacts is not None and not self._uri.startswith("http"):
            location = self._artifacts.absolute().as_uri()
        try:
            return self._client.create_experiment(EXPERIMENT, artifact_location=location, tags=KIND)
        except MlflowException as error:  # two runs made it at once
            again = self._client.get_experiment_by_name(EXPERIMENT)
            if again is None:
                raise error
            return again.experiment_id


def delete_runs(uri: str, tag: str, prefix: str) -> list[str]:
    """Delete every run whose tag begins with ``prefix``, with the model versions made from it; their ids.

    MLflow marks a run as deleted; ``mlflow gc`` on its server takes the files.

    Raises:
        TrackingError: the server does not do it.
    """
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    try:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return []
        wanted = f"tags.`{tag}` LIKE '{prefix}%'"
        deleted: list[str] = []
        while found := client.search_runs([experiment.experiment_id], filter_string=wanted, max_results=100):
            for run in found:
                for version in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
                    client.delete_model_version(version.name, version.version)
                client.delete_run(run.info.run_id)
                deleted.append(run.info.run_id)
        return deleted
    except MlflowException as error:
        raise tracking_error(error, uri) from error


def tracking_error(error: Exception, uri: str) -> TrackingError:
    """What to say of a failed call: who refused it, or that nobody answered; never with a password."""
    reason = without_secrets(" ".join(str(error).split()))[:300]
    status = error.get_http_status_code() if isinstance(error, RestException) else _status_in(reason)
    where = without_secrets(uri)
    if status in (401, 403):
        return TrackingDenied(
            f"{where} refused with {status} ({reason}); check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "and the server's allowed hosts"
        )
    return TrackingUnreachable(
        f"{where} did not take the entries ({reason}); they are kept, and 'clocktrain runs --sync' sends them later"
    )


def without_secrets(text: str) -> str:
    """A text with user and password of every address in it left out."""
    return re.sub(r"://[^/@\s]+@", "://", text)


def _status_in(reason: str) -> int | None:
    found = re.search(r"\berror (?:code )?(\d{3})\b|\bstatus (?:code )?(\d{3})\b", reason, flags=re.IGNORECASE)
    return int(found[1] or found[2]) if found else None
