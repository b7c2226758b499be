"""The mailbox between a job and who watches it: progress goes out, the wish to save and stop comes in.

On a laptop it is a folder with ``progress.json`` and ``control``; in a cluster one ConfigMap that the job may patch.
Nothing that goes wrong with it stops a training.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from clock_train.crd.names import RUN, SAVE_AND_STOP
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.observer import Observer, RunFacts
from clock_train.storage.commits import step_prefix
from clock_train.storage.places import RunPlace
from clock_train.training.loop import FitResult

POST_EVERY_S = 5.0
"""The shortest time between two letters: a cluster's API server is not a log."""
LOOK_EVERY_S = 2.0


class Mailbox(Protocol):
    """Where letters are left and orders found; both may raise anything, which is told once."""

    def post(self, progress: Mapping[str, Any]) -> None:
        """Replace what was posted before."""

    def control(self) -> str:
        """``run`` or ``save-and-stop``."""
        ...


class FolderMailbox:
    """Two files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def post(self, progress: Mapping[str, Any]) -> None:
        """Replace ``progress.json``."""
        partial = self._folder / "progress.json.partial"
        partial.write_text(json.dumps(progress, indent=1, ensure_ascii=False), encoding="utf-8")
        partial.replace(self._folder / "progress.json")

    def control(self) -> str:
        """The word in the file ``control``; ``run`` where there is none."""
        with suppress(FileNotFoundError):
            return (self._folder / "control").read_text(encoding="utf-8").strip()
        return RUN


class Correspondence:
    """Keeps the newest state, posts it when it has changed, and looks for orders; from a thread of its own.

    It is a ``Listener`` (stages) and an ``Observer`` (steps), and passes both on.
    """

    def __init__(self, mailbox: Mailbox, place: RunPlace, listener: Listener, observer: Observer) -> None:
        self._mailbox, self._place, self._listener, self._observer = mailbox, place, listener, observer
        self._state: dict[str, Any] = {"attempt": place.attempt, "state": "running"}
        self._posted: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._is_asked_to_stop = False
        self._has_warned = False
        self._total_steps = 0
        self._thread = threading.Thread(target=self._run, name="mailbox", daemon=True)

    def is_asked_to_stop(self) -> bool:
        """Whether ``save-and-stop`` was found."""
        return self._is_asked_to_stop

    def say(self, **facts: Any) -> None:
        """Facts of the letter, such as ``stage``, ``metrics`` or ``voice``."""
        with self._lock:
            self._state |= facts

    def __enter__(self) -> Correspondence:
        self._look()
        self._post()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(POST_EVERY_S + LOOK_EVERY_S)
        self._post()

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._listener.stage(name)

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        """How far the stage is."""
        eta = None if eta_seconds is None else round(eta_seconds)
        self.say(percent=min(100, int(100 * fraction)), etaSeconds=eta)
        self._listener.advance(fraction, detail, eta_seconds)

    def note(self, message: str) -> None:
        """Passed on."""
        self._listener.note(message)

    def warn(self, message: str) -> None:
        """Passed on."""
        self._listener.warn(message)

    def begin(self, facts: RunFacts) -> None:
        """A training starts or goes on."""
        self._total_steps = int(facts.training["max_steps"])
        self.say(run=facts.uid, totalSteps=self._total_steps, workers=facts.workers)
        self._observer.begin(facts)

    def progress(self, row: dict[str, Any]) -> None:
        """Some steps were done, and perhaps a checkpoint saved."""
        self.say(step=row["step"])
        if row.get("saved_seconds"):
            saved = {"key": step_prefix(self._place.checkpoints, row["step"]), "step": row["step"], "saveTime": _now()}
            self.say(checkpoint=saved)
        self._observer.progress(row)

    def end(self, result: FitResult, voice_path: Path | None) -> None:
        """Training ended."""
        self.say(step=result.step)
        self._observer.end(result, voice_path)

    def failed(self, error: BaseException) -> None:
        """Training could not go on."""
        self._observer.failed(error)

    def _run(self) -> None:
        posted_at = time.monotonic()
        while not self._is_over.wait(LOOK_EVERY_S):
            self._look()
            if time.monotonic() - posted_at >= POST_EVERY_S:
                self._post()
                posted_at = time.monotonic()

    def _look(self) -> None:
        def look() -> None:
            self._is_asked_to_stop = self._is_asked_to_stop or self._mailbox.control() == SAVE_AND_STOP

        self._try(look)

    def _post(self) -> None:
        with self._lock:
            state = dict(self._state)
        if state == self._posted:
            return

        def post() -> None:
            self._mailbox.post({**state, "updatedAt": _now()})
            self._posted = state

        self._try(post)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            if not self._has_warned:
                self._has_warned = True
                self._listener.warn(f"the mailbox cannot be used at present ({error}); the training goes on")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
