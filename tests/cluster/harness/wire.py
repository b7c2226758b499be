"""A connection to the API server that a test can cut, stall or make deaf, while the server itself is well.

It passes bytes and knows no TLS: what is stalled or lost is so for every request on it. A client gets a kubeconfig that
leads here (``plane.kubeconfig("operator", server=wire.server)``); everybody else is untouched.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

CHUNK_BYTES = 1 << 16
ACCEPT_POLL_S = 0.2
CONNECT_LIMIT_S = 5.0


class Wire:
    """A port on loopback that leads to another; a context manager."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(ACCEPT_POLL_S)
        self.port = self._listener.getsockname()[1]
        self.server = f"https://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._asked, self._answered = threading.Event(), threading.Event()
        self.lost_bytes = 0
        """Held back, and never delivered since their connection was cut."""
        self._stalled: list[threading.Event] = []
        self._thawed = _set_event()
        """Of the connections that are open now; later ones have another."""
        self._is_cut, self._ended = threading.Event(), threading.Event()
        self.restore()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def stall(self) -> None:
        """Nothing arrives in either direction, and no end notices: what a silently dropped watch looks like."""
        self._asked.clear()
        self._answered.clear()

    def stall_open(self) -> None:
        """Those that are open now fall silent for good, and no end notices; new ones go through."""
        with self._lock:
            self._thawed.clear()
            self._stalled.append(self._thawed)
            self._thawed = _set_event()

    def lose_answers(self) -> None:
        """Requests reach the server and take effect; what it answers does not arrive."""
        self._answered.clear()

    def cut(self) -> None:
        """Close every connection and refuse new ones, until `restore`; after `lose_answers`, the answers are lost."""
        self._is_cut.set()
        self.drop()

    def drop(self) -> None:
        """Close every connection; new ones go through."""
        with self._lock:
            doomed, self._open = self._open, set()
        for connection in doomed:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        """Everything goes through, also what was held back."""
        self._is_cut.clear()
        self._release()

    def close(self) -> None:
        """End the wire."""
        self._ended.set()
        self.cut()
        self._release()
        self._accepting.join()
        self._listener.close()

    def _release(self) -> None:
        with self._lock:
            stalled, self._stalled = self._stalled, []
        for event in (self._asked, self._answered, *stalled):
            event.set()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            client.settimeout(None)
            if self._is_cut.is_set():
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port), timeout=CONNECT_LIMIT_S)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
                thawed = self._thawed
            for source, target, way in ((client, server, self._asked), (server, client, self._answered)):
                threading.Thread(target=self._pump, args=(source, target, way, thawed), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, *may_pass: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                for event in may_pass:
                    event.wait()
                with self._lock:
                    is_open = target in self._open
                    self.lost_bytes += 0 if is_open else len(data)
                if not is_open:
                    break  # dropped while it was held back
                target.sendall(data)
        with self._lock:
            self._open -= {source, target}
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event
