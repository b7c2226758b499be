"""``/metrics``, ``/healthz`` and ``/readyz`` of the operator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

READ_TIMEOUT_S = 5.0


class Probes:
    """A small server in threads of its own: it answers while the event loop is busy."""

    def __init__(self, port: int, registry: CollectorRegistry, *, is_ready: Callable[[], bool]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = READ_TIMEOUT_S

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif self.path == "/healthz":
                    self._answer(200, "text/plain", b"ok\n")
                elif self.path == "/readyz":
                    ready = is_ready()
                    self._answer(200 if ready else 503, "text/plain", b"ok\n" if ready else b"waiting\n")
                else:
                    self._answer(404, "text/plain", b"there are /metrics, /healthz and /readyz\n")

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a probe every few seconds is no news."""

            def _answer(self, code: int, kind: str, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
