"""The detector's page on this machine: one static file, and one address that takes a sound."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from clock_train.errors import ClockTrainError, DetectorRefused, snake_code
from clock_train.watermark.open_detector import PAGE_POLICY, OpenDetector

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
READ_TIMEOUT_S = 30.0
"""A browser on this machine that sends slower than this has gone."""
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def serve(detector: OpenDetector, port: int) -> ThreadingHTTPServer:
    """A server on the loopback interface that is not running yet; port 0 takes a free one."""

    class Handler(_Handler):
        pass

    Handler.detector = detector
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    detector: OpenDetector
    timeout = READ_TIMEOUT_S
    server_version = "ClockTrain"
    sys_version = ""

    def do_GET(self) -> None:
        if self._is_foreign() or self.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, {"code": "not_found", "message": "there is one page here: /"})
            return
        nonce = secrets.token_urlsafe(16)
        policy = {"Content-Security-Policy": PAGE_POLICY.format(nonce=nonce)}
        page = self.detector.page().replace("NONCE", nonce)
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", page.encode(), policy)

    def do_POST(self) -> None:
        if self._is_foreign() or self.path != "/detect":
            self._answer(HTTPStatus.NOT_FOUND, {"code": "not_found", "message": "sounds are taken at /detect"})
            return
        try:
            content = self._content()
            name = unquote(self.headers.get("X-File-Name", "sound"))
            self._answer(HTTPStatus.OK, self.detector.answer(content, client=self.client_address[0], name=name))
        except DetectorRefused as error:
            self.close_connection = True  # what was not read is still on its way
            self._answer(HTTPStatus.TOO_MANY_REQUESTS, _plain(error))
        except ClockTrainError as error:
            self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, _plain(error))

    def _content(self) -> bytes:
        try:
            size_bytes = int(self.headers.get("Content-Length", ""))
        except ValueError:
            raise DetectorRefused("the request does not say how long it is; send Content-Length") from None
        self.detector.refuse_size(size_bytes)
        content = self.rfile.read(max(0, size_bytes))
        if len(content) < size_bytes:
            raise DetectorRefused("the file ended early; send it again")
        return content

    def _is_foreign(self) -> bool:
        """Another page in the person's browser must not ask, nor a name that was pointed at this machine."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        return host not in LOOPBACK or (origin is not None and urlsplit(origin).netloc != self.headers.get("Host"))

    def _answer(self, status: HTTPStatus, values: dict[str, Any]) -> None:
        self._send(status, "application/json; charset=utf-8", json.dumps(values, ensure_ascii=False).encode())

    def _send(
        self, status: HTTPStatus, kind: str, content: bytes, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.send_response(status)
        for name, value in {**SECURITY, **more, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: names of files are nobody's business."""


def _plain(error: ClockTrainError) -> dict[str, str]:
    return {"code": snake_code(error.code), "message": str(error.args[0])}
