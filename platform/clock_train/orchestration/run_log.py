"""A run's log: written to a file, and copied to storage as it grows, so that it outlives the machine.

Objects cannot be appended to. A log is therefore stored in chunks of fixed size below ``<attempt>/logs/<name>/``; the
last chunk is written again while it grows, and a chunk that is full is never touched again.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from clock_train.errors import ClockTrainError, RunNotFound
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.progress import Lines
from clock_train.storage.opening import Storage

CHUNK_BYTES = 256 * 1024
SHIP_EVERY_S = 5.0
LAST_WAIT_S = 20.0
"""How long the end of a run waits for the rest of its log to arrive."""


class LogFile:
    """Whole lines with their time, flushed at once: a process that is killed leaves what it said."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a", encoding="utf-8")

    def write(self, text: str) -> int:
        """For whoever prints to a stream; a time before each line that is not empty."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for line in text.splitlines():
            if line.strip():
                self._file.write(f"{now} {line}\n")
        return len(text)

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Nothing more comes."""
        self._file.close()


class LoggedListener:
    """Passes everything on, and keeps it as lines of a log."""

    def __init__(self, listener: Listener, log: LogFile) -> None:
        self._both = (listener, Lines(log))  # type: ignore[arg-type]  # a stream as far as print() asks

    def stage(self, name: str) -> None:
        """To both."""
        for each in self._both:
            each.stage(name)

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        """To both."""
        for each in self._both:
            each.advance(fraction, detail, eta_seconds)

    def note(self, message: str) -> None:
        """To both."""
        for each in self._both:
            each.note(message)

    def warn(self, message: str) -> None:
        """To both."""
        for each in self._both:
            each.warn(message)


class LogShipper:
    """Copies growing files to storage from a thread of its own; trouble is told once and never stops a run."""

    def __init__(self, storage: Storage, prefix: str, *, warn: Callable[[str], None]) -> None:
        self._storage, self._prefix, self._warn = storage, prefix, warn
        self._shipped: dict[tuple[str, Path], int] = {}
        self._is_over = threading.Event()
        self._has_warned = False
        self._thread = threading.Thread(target=self._run, name="log-shipper", daemon=True)

    def follow(self, name: str, path: Path) -> None:
        """Copy a file from now on; it need not exist yet. Names are unique in an attempt."""
        self._shipped.setdefault((name, path), 0)

    def __enter__(self) -> LogShipper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(LAST_WAIT_S)

    def _run(self) -> None:
        while not self._is_over.wait(SHIP_EVERY_S):
            self._ship()
        self._ship()

    def _ship(self) -> None:
        for (name, path), shipped in list(self._shipped.items()):
            try:
                self._shipped[name, path] = self._ship_file(name, path, shipped)
            except (ClockTrainError, OSError) as error:
                if not self._has_warned:
                    self._has_warned = True
                    self._warn(f"the log is not copied at present: {error}")

    def _ship_file(self, name: str, path: Path, shipped: int) -> int:
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while shipped < size:
                chunk = shipped // CHUNK_BYTES
                file.seek(chunk * CHUNK_BYTES)
                content = file.read(CHUNK_BYTES)
                self._storage.put(f"{self._prefix}/{name}/{chunk:06d}", content)
                shipped = chunk * CHUNK_BYTES + len(content)
        return shipped


def log_name(source: str) -> str:
    """A name of its own for each start of each process, in the order they began."""
    return f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S')}-{source}-{os.getpid()}"


@contextlib.contextmanager
def logged(
    listener: Listener, folder: Path, storage: Storage, prefix: str, *, name: str = "driver"
) -> Iterator[LoggedListener]:
    """A listener whose words are also kept in ``folder`` and below ``prefix`` of the storage.

    Args:
        listener: hears everything as before.
        folder: of the log file.
        storage: where it is copied to.
        prefix: ``<attempt>/logs``.
        name: of this log among the attempt's.
    """
    # every start has a log of its own: a machine that comes new has no file to go on with
    name = log_name(name)
    log = LogFile(folder / f"{name}.log")
    try:
        with LogShipper(storage, prefix, warn=listener.warn) as shipper:
            shipper.follow(name, log.path)
            try:
                yield LoggedListener(listener, log)
            except BaseException as error:
                log.write(f"ended: {type(error).__name__}: {error}")
                raise
            finally:
                log.flush()
    finally:
        log.close()


@dataclass(frozen=True)
class StoredLog:
    """One log of an attempt."""

    name: str
    content: bytes

    @property
    def source(self) -> str:
        """``driver``, ``worker-<rank>`` or ``worker-<rank>-errors``."""
        return self.name.split("-", 1)[1].rpartition("-")[0]

    def is_of(self, source: str | None) -> bool:
        """Whether a person who asks for ``worker-0`` means this one; None means all."""
        return source is None or self.source in (source, f"{source}-errors")


def read_logs(storage: Storage, prefix: str, *, source: str | None = None) -> list[StoredLog]:
    """The logs below ``<attempt>/logs``, in the order they began.

    Raises:
        RunNotFound: there is none.
    """
    logs = _grown(storage, prefix, {}, source)
    if not logs:
        wanted = f" of {source}" if source else ""
        raise RunNotFound(f"there is no log{wanted} below {prefix}; the attempt has not started, or wrote elsewhere")
    return logs


def wait_for_more(storage: Storage, prefix: str, seen: dict[str, int], *, source: str | None = None) -> list[StoredLog]:
    """What grew since ``seen`` (name → bytes), which is updated; waits a moment where nothing did."""
    grown = [log for log in _grown(storage, prefix, seen, source) if log.content]
    for log in grown:
        seen[log.name] = seen.get(log.name, 0) + len(log.content)
    if not grown:
        time.sleep(2.0)
    return grown


def _grown(storage: Storage, prefix: str, seen: Mapping[str, int], source: str | None) -> list[StoredLog]:
    """The end of each log, from what was seen of it on; chunks that were seen whole are not read again."""
    chunks: dict[str, list[str]] = {}
    for item in storage.list(prefix):
        name = item.key.removeprefix(f"{prefix}/").split("/")[0]
        chunks.setdefault(name, []).append(item.key)
    logs = []
    for name, keys in sorted(chunks.items()):
        if StoredLog(name, b"").is_of(source):
            first, offset = divmod(seen.get(name, 0), CHUNK_BYTES)
            content = b"".join(storage.get(key) for key in sorted(keys)[first:])
            logs.append(StoredLog(name, content[offset:]))
    return logs
