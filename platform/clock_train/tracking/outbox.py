"""Entries for a tracker, kept in a file until they are sent, so that a tracker that is down costs a run nothing.

One folder a run: ``outbox.jsonl`` (one entry a line, only ever appended to), ``sent`` (how many lines have arrived),
``run.json`` (the tracker's id of the run) and ``status.json`` (how sending goes). Appending is a write to a local file;
sending is another process' business (``sending.py``).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ENTRIES, SENT, RUN, STATUS, LOCK = "outbox.jsonl", "sent", "run.json", "status.json", ".sending"


@dataclass(frozen=True)
class SendingStatus:
    """How sending goes, as the sender last wrote it."""

    sent: int = 0
    waiting: int = 0
    error: str = ""
    """Code and reason of the last attempt that failed; empty when all is well."""
    run_id: str = ""
    url: str = ""
    """Where the run can be looked at."""


class Outbox:
    """The entries of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def add(self, kind: str, **values: Any) -> None:
        """Append an entry with the time of now, in milliseconds; never waits for a tracker."""
        line = json.dumps({"kind": kind, "time_ms": int(time.time() * 1000), **values}, ensure_ascii=False)
        with self._lock, (self.folder / ENTRIES).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def waiting(self) -> list[dict[str, Any]]:
        """Entries that were not sent yet, oldest first; a last line that a crash cut off is left out."""
        return self.entries()[self.sent :]

    def is_over(self) -> bool:
        """Whether the run was said to have ended, and not to go on since."""
        marks = [entry["kind"] for entry in self.entries() if entry["kind"] in ("begin", "end")]
        return marks[-1:] == ["end"]

    def newest(self, kind: str) -> dict[str, Any] | None:
        """The last entry of a kind, sent or not."""
        return next((entry for entry in reversed(self.entries()) if entry["kind"] == kind), None)

    @property
    def sent(self) -> int:
        """How many entries have arrived."""
        try:
            return int((self.folder / SENT).read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def mark_sent(self, count: int) -> None:
        """Remember that ``count`` more entries have arrived."""
        _replace(self.folder / SENT, str(self.sent + count))

    @property
    def run_id(self) -> str | None:
        """The tracker's id of this run, once it has one."""
        try:
            return json.loads((self.folder / RUN).read_text(encoding="utf-8"))["run_id"]
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def remember_run(self, run_id: str) -> None:
        """Keep the tracker's id."""
        _replace(self.folder / RUN, json.dumps({"run_id": run_id}))

    def status(self) -> SendingStatus:
        """How sending goes, with what was sent and what waits counted now."""
        return replace(self.said(), sent=self.sent, waiting=len(self.waiting()))

    def said(self) -> SendingStatus:
        """What the sender wrote last: one small file, whatever the length of the run."""
        try:
            return SendingStatus(**json.loads((self.folder / STATUS).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return SendingStatus()

    def write_status(self, status: SendingStatus) -> None:
        """Keep how sending goes."""
        _replace(self.folder / STATUS, json.dumps(asdict(status)))

    @contextlib.contextmanager
    def sending(self) -> Iterator[bool]:
        """The right to send, which one process has at a time; False where another has it."""
        with (self.folder / LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def entries(self) -> list[dict[str, Any]]:
        """Every entry, oldest first; a line that a crash cut off is an entry of the kind ``nothing``."""
        path, entries = self.folder / ENTRIES, []
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                entries.append(json.loads(line))
            except ValueError:
                # cut off by a crash; what a resumed run wrote after it is whole
                entries.append({"kind": "nothing", "time_ms": 0})
        return entries


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
