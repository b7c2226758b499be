"""MLflow over its REST API, with the standard library alone: what a gateway, which carries no mlflow, can report with.

Every call may be made twice: MLflow drops a metric of the same key, step, time and value, a file is put over the one of
its name, and a run that is made here is found again by its tag.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from clock_train.errors import TrackingDenied, TrackingError, TrackingUnreachable

TIMEOUT_S = 10.0
MOST_ANSWER_BYTES = 4 << 20
EXPERIMENT, UID_TAG = "clocktrain", "clocktrain.uid"
"""As trainings have them (``tracking/mlflow_run.py``, which imports mlflow)."""


class MlflowRest:
    """One tracking server.

    Args:
        uri: its address, http or https; user and password may be in it.
        environment: of ``MLFLOW_TRACKING_USERNAME``, ``_PASSWORD``, ``_TOKEN``, ``_SERVER_CERT_PATH`` and
            ``_INSECURE_TLS``.

    Raises:
        TrackingError: it is no server's address, or its certificate cannot be read.
    """

    def __init__(self, uri: str, environment: Mapping[str, str] = os.environ) -> None:
        parts = urllib.parse.urlsplit(uri)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise TrackingError(
                "MLFLOW_TRACKING_URI names no server (http://… or https://…), and votes are sent to a server only"
            )
        self.address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self._headers = _authorization(parts, environment)
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if parts.scheme == "https":
            handlers.append(urllib.request.HTTPSHandler(context=_context(environment)))
        self._opener = urllib.request.build_opener(*handlers)

    def artifact_root(self, run_id: str) -> str:
        """Where the files of a run are, as MLflow writes it.

        Raises:
            TrackingError: the run is not there, or the server does not answer.
        """
        answer = self._call("GET", f"mlflow/runs/get?run_id={urllib.parse.quote(run_id)}")
        return str(answer["run"]["info"]["artifact_uri"])

    def log_metrics(self, run_id: str, values: Mapping[str, float], *, step: int, time_ms: int) -> None:
        """Points of curves.

        Raises:
            TrackingError: they did not arrive.
        """
        points = [{"key": key, "value": value, "timestamp": time_ms, "step": step} for key, value in values.items()]
        self._call("POST", "mlflow/runs/log-batch", {"run_id": run_id, "metrics": points})

    def put_artifact(self, root: str, path: str, content: bytes) -> bool:
        """Put a file below a run's root; False where the server does not hold its files itself.

        Raises:
            TrackingError: it did not arrive.
        """
        parts = urllib.parse.urlsplit(root)
        if parts.scheme != "mlflow-artifacts":
            return False
        place = urllib.parse.quote(f"{parts.path.strip('/')}/{path}")
        self._call("PUT", f"mlflow-artifacts/artifacts/{place}", content)
        return True

    def run_of(self, uid: str, name: str, *, time_ms: int) -> str:
        """The run of a uid, made where there is none.

        Raises:
            TrackingError: the server does not answer.
        """
        experiment = self._experiment()
        wanted = {"experiment_ids": [experiment], "filter": f"tags.`{UID_TAG}` = '{uid}'", "max_results": 1}
        found = self._call("POST", "mlflow/runs/search", wanted).get("runs")
        if found:
            return str(found[0]["info"]["run_id"])
        made = {
            "experiment_id": experiment, "run_name": name, "start_time": time_ms,
            "tags": [{"key": UID_TAG, "value": uid}],
        }  # fmt: skip
        return str(self._call("POST", "mlflow/runs/create", made)["run"]["info"]["run_id"])

    def _experiment(self) -> str:
        by_name = f"mlflow/experiments/get-by-name?experiment_name={EXPERIMENT}"
        try:
            return str(self._call("GET", by_name)["experiment"]["experiment_id"])
        except _NotThere:
            pass
        try:
            return str(self._call("POST", "mlflow/experiments/create", {"name": EXPERIMENT})["experiment_id"])
        except TrackingUnreachable:  # another made it at once
            return str(self._call("GET", by_name)["experiment"]["experiment_id"])

    def _call(self, method: str, path: str, content: bytes | Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = dict(self._headers)
        data = content if isinstance(content, bytes) else None
        if isinstance(content, Mapping):
            data, headers["content-type"] = json.dumps(content).encode(), "application/json"
        elif data is not None:
            headers["content-type"] = "application/octet-stream"
        request = urllib.request.Request(f"{self.address}/api/2.0/{path}", data, headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                said = answer.read(MOST_ANSWER_BYTES)
            plain = json.loads(said) if said.strip() else {}
        except urllib.error.HTTPError as error:
            raise self._refused(error) from error
        except (OSError, HTTPException, ValueError) as error:
            raise TrackingUnreachable(f"{self._unsent} ({error})") from error
        if not isinstance(plain, dict):
            raise TrackingUnreachable(f"{self._unsent} (its answer is none of MLflow's)")
        return plain

    def _refused(self, error: urllib.error.HTTPError) -> TrackingError:
        said = " ".join(error.read(400).decode("utf-8", "replace").split())
        if error.code in (401, 403):
            return TrackingDenied(
                f"{self.address} refused with {error.code}; check MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; the votes are kept"
            )
        kind = _NotThere if error.code == 404 else TrackingUnreachable
        return kind(f"{self._unsent} ({error.code}: {said})")

    @property
    def _unsent(self) -> str:
        return f"{self.address} did not take the votes; they are kept and sent later"


class _NotThere(TrackingUnreachable):
    """404; told as any other refusal."""

    @property
    def code(self) -> str:
        return TrackingUnreachable.__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the password to wherever it leads."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        """Follow none."""
        return None


def _authorization(parts: urllib.parse.SplitResult, environment: Mapping[str, str]) -> dict[str, str]:
    token = environment.get("MLFLOW_TRACKING_TOKEN")
    user = environment.get("MLFLOW_TRACKING_USERNAME") or urllib.parse.unquote(parts.username or "")
    password = environment.get("MLFLOW_TRACKING_PASSWORD") or urllib.parse.unquote(parts.password or "")
    if user:
        return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {"authorization": f"Bearer {token}"} if token else {}


def _context(environment: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=environment.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    except OSError as error:
        raise TrackingError(f"the certificate of MLFLOW_TRACKING_SERVER_CERT_PATH cannot be read ({error})") from error
    if environment.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
