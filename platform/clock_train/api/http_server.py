"""Uvicorn, as a door needs it: ended by whoever holds the doors, with TLS that is read anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn

from clock_train.api.tls import TlsFolder

MOST_CONNECTIONS = 4_096
"""The desk refuses in words long before; this keeps a flood of idle connections from taking all memory."""


class HttpServer(uvicorn.Server):
    """Uvicorn without signal handlers of its own: one place decides when all doors close.

    Args:
        app: what it serves.
        grace_s: for answers that are under way when it ends.
        tls: None speaks plain HTTP.
    """

    def __init__(self, app: object, *, grace_s: float, tls: TlsFolder | None = None) -> None:
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=int(grace_s),
            timeout_keep_alive=30,
            limit_concurrency=MOST_CONNECTIONS,
        )
        config.load()
        config.ssl = None if tls is None else tls.context
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield
