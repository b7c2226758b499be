"""A thin client of one API server, as one user, for what tests poll; everything else goes through kubectl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import urllib3

REQUEST_LIMIT_S = 30.0


class ApiError(Exception):
    """The API server refused; `status` is the HTTP status, `reason` Kubernetes' word for it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


class Api:
    """Requests of one user, known by certificate or by token."""

    def __init__(
        self, server: str, authority: Path, *, certificate: tuple[Path, Path] | None = None, token: str | None = None
    ) -> None:
        self.server = server
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        keys: dict[str, Any] = (
            {"cert_file": str(certificate[0]), "key_file": str(certificate[1])} if certificate else {}
        )
        self._http = urllib3.PoolManager(ca_certs=str(authority), retries=False, timeout=REQUEST_LIMIT_S, **keys)

    def get(self, path: str) -> dict[str, Any]:
        """The object or list at `path`, such as ``/api/v1/namespaces/default/pods``."""
        return json.loads(self._request("GET", path))

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST an object to its collection."""
        return json.loads(self._request("POST", path, json.dumps(body).encode(), "application/json"))

    def apply(self, path: str, body: dict[str, Any] | bytes, field_manager: str = "test") -> dict[str, Any]:
        """Server-side apply of one object, given as a dict or as bytes of YAML; conflicts are overridden."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        query = f"?fieldManager={field_manager}&force=true"
        return json.loads(self._request("PATCH", path + query, sent, "application/apply-patch+yaml"))

    def merge(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Merge-patch, also of ``…/status``."""
        return json.loads(self._request("PATCH", path, json.dumps(body).encode(), "application/merge-patch+json"))

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE one object or a collection."""
        return json.loads(self._request("DELETE", path))

    def is_ready(self) -> bool:
        """Whether the server says that it serves."""
        try:
            return self._request("GET", "/readyz") == b"ok"
        except (ApiError, urllib3.exceptions.HTTPError):
            return False

    def _request(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> bytes:
        headers = {**self._headers, **({"Content-Type": content_type} if content_type else {})}
        answer = self._http.request(method, self.server + path, body=body, headers=headers)
        if answer.status >= 400:
            raise _error(answer.status, answer.data)
        return answer.data


def _error(status: int, data: bytes) -> ApiError:
    try:
        said = json.loads(data)
    except ValueError:
        return ApiError(status, "", data.decode(errors="replace")[:500])
    return ApiError(status, said.get("reason", ""), said.get("message", ""))
