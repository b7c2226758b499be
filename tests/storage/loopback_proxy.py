"""A TCP proxy on loopback between the adapter and the server, to make a network slow, or to answer in its place."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class LoopbackProxy:
    """Forwards to a port; ``on_bytes`` is called with the number of bytes sent to the server so far."""

    def __init__(self, port: int, *, on_bytes: Callable[[int], None] | None = None) -> None:
        self._target = port
        self._on_bytes = on_bytes
        self._open = threading.Event()
        self._open.set()
        self._sockets: list[socket.socket] = []
        self.answers: list[bytes] = []
        """Whole HTTP answers, one a connection, given instead of the server's; then it is asked again."""
        self.num_connections = 0
        self.num_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> LoopbackProxy:
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.set()
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def stall(self) -> None:
        """Pass nothing on from now."""
        self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.num_connections += 1
                self._sockets.append(near)
                if self.answers:
                    self._start(self._speak, near, self.answers.pop(0))
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets.append(far)
                self._start(self._forward, near, far, True)
                self._start(self._forward, far, near, False)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _forward(self, source: socket.socket, sink: socket.socket, to_server: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(1 << 16):
                self._open.wait()
                sink.sendall(block)
                if to_server:
                    self.num_bytes += len(block)
                    if self._on_bytes:
                        self._on_bytes(self.num_bytes)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _speak(self, near: socket.socket, answer: bytes) -> None:
        with contextlib.suppress(OSError):
            received = b""
            while b"\r\n\r\n" not in received:
                received += near.recv(1 << 16)
            head, _, body = received.partition(b"\r\n\r\n")
            lengths = [
                line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            ]
            missing = (int(lengths[0]) if lengths else 0) - len(body)
            while missing > 0 and (block := near.recv(1 << 16)):
                missing -= len(block)
            near.sendall(answer)
            near.shutdown(socket.SHUT_RDWR)


def s3_error(status: int, code: str) -> bytes:
    """What an S3 server answers when it fails."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
