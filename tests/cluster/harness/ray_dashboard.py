"""The Ray dashboards that KubeRay asks on a control plane, where no Ray runs: each job is running until a test ends it.

KubeRay asks by the name of a service, which only a cluster's DNS knows. Its HTTP client obeys ``HTTP_PROXY``, and this
server is that proxy: whatever the name, it answers for the job in the path. Real KubeRay then walks its own states.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class RayDashboard:
    """A server on loopback; what it answers is set from the test."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, dict[str, Any]] = {}
        dashboard = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(dashboard._get(urllib.parse.urlsplit(self.path).path))

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(dashboard._stop(urllib.parse.urlsplit(self.path).path))

            def do_DELETE(self) -> None:
                self._answer({})

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: KubeRay's own log tells what it asked."""

            def _answer(self, body: dict[str, Any] | None) -> None:
                data = json.dumps(body or {}).encode()
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self, submission_id: str, status: str, message: str = "") -> None:
        """Let a job be SUCCEEDED, FAILED or STOPPED from now on."""
        with self._lock:
            self._job(submission_id).update(status=status, message=message, end_time=_now_ms())

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()

    def _get(self, path: str) -> dict[str, Any] | None:
        words = path.strip("/").split("/")
        if words[:2] != ["api", "jobs"] or len(words) < 3:
            return None
        if words[3:] == ["logs"]:
            return {"logs": ""}
        with self._lock:
            return dict(self._job(words[2]))

    def _stop(self, path: str) -> dict[str, Any] | None:
        words = path.strip("/").split("/")
        if words[:2] != ["api", "jobs"] or words[3:] != ["stop"]:
            return None
        self.end(words[2], "STOPPED")
        return {"stopped": True}

    def _job(self, submission_id: str) -> dict[str, Any]:
        if submission_id not in self._jobs:
            self._jobs[submission_id] = {
                "submission_id": submission_id,
                "status": "RUNNING",
                "message": "",
                "start_time": _now_ms(),
            }
        return self._jobs[submission_id]


def _now_ms() -> int:
    return int(time.time() * 1000)
