"""Sends the results of listening tests to MLflow: numbers on the voice's run, and every vote as a CSV beside them.

Votes are kept first (``votes.py``); MLflow being away costs none. A thread looks for new ones and tries again later
where MLflow did not answer, ever more seldom.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from clock_train.errors import ClockTrainError, TrackingDenied, TrackingError
from clock_train.listening.mlflow_rest import MlflowRest
from clock_train.listening.results import as_csv, results_of
from clock_train.listening.rooms import ListeningRoom, ListeningRooms

LOOK_S = 2.0
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 60.0
CSV_NAME, RESULTS_NAME = "votes.csv", "results.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What arrived."""

    num_votes: int
    """With training; 0 where nothing was new."""
    run_ids: tuple[str, ...] = ()
    is_with_files: bool = True
    """False where the server does not hold the files of a run itself: the CSV is then had from ``listen results``."""


def send_results(room: ListeningRoom, server: MlflowRest, *, is_forced: bool = False) -> Sent:
    """Send a test's numbers and votes where there are new ones.

    Args:
        room: the test.
        server: MLflow.
        is_forced: whether to send what was sent already.

    Raises:
        TrackingError: not all arrived; the next call sends all of it.
    """
    if not is_forced and room.votes.waiting(server.address) <= 0:
        return Sent(num_votes=0)
    votes = room.votes.all()
    if not votes:
        return Sent(num_votes=0)
    test, results = room.test, results_of(room.test, votes)
    # the time of the last vote and not of now: the same point sent twice is one point
    last_ms = max(vote.time_ms for vote in votes)
    run_ids = test.run_ids or (
        server.run_of(f"listening-{test.id}", f"listening test {test.id}", time_ms=min(vote.time_ms for vote in votes)),
    )
    files = {
        CSV_NAME: as_csv(test, votes).encode(),
        RESULTS_NAME: json.dumps(results.as_plain(test), indent=1, ensure_ascii=False).encode(),
    }
    is_with_files = True
    for run_id in run_ids:
        root = server.artifact_root(run_id)
        for name, content in files.items():
            is_with_files &= server.put_artifact(root, f"listening/{test.id}/{name}", content)
        server.log_metrics(run_id, results.metrics(), step=results.num_votes, time_ms=last_ms)
    room.votes.mark_sent(server.address, len(votes))
    return Sent(num_votes=len(votes), run_ids=tuple(run_ids), is_with_files=is_with_files)


def sender_for(rooms: ListeningRooms, environment: Mapping[str, str] = os.environ) -> ResultSender | None:
    """What sends to ``MLFLOW_TRACKING_URI``; None where it names no server: the log says that votes are only kept."""
    try:
        return ResultSender(rooms, environment.get("MLFLOW_TRACKING_URI", ""))
    except TrackingError as error:
        _log.warning("results of listening tests are kept and not sent: %s", error)
        return None


class ResultSender:
    """A thread that sends what is new.

    Args:
        rooms: whose votes.
        uri: of MLflow.
        look_s: between two looks.

    Raises:
        TrackingError: the address is no server's.
    """

    def __init__(self, rooms: ListeningRooms, uri: str, *, look_s: float = LOOK_S) -> None:
        self._rooms, self._server, self._look_s = rooms, MlflowRest(uri), look_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="listening-results", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; what waits is sent by the next server, or by ``clocktrain listen send``."""
        self._stopping.set()
        self._thread.join(2 * self._look_s)

    def _keep(self) -> None:
        # by test: a run that was deleted must not keep another's votes waiting
        waits: dict[str, float] = {}
        due: dict[str, float] = {}
        while not self._stopping.wait(self._look_s):
            for room in self._open():
                test_id = room.test.id
                if self._stopping.is_set() or time.monotonic() < due.get(test_id, 0.0):
                    continue
                waits[test_id] = self._next_wait(room, waits.get(test_id, 0.0))
                due[test_id] = time.monotonic() + waits[test_id]

    def _open(self) -> list[ListeningRoom]:
        try:
            return self._rooms.rooms()
        except (ClockTrainError, OSError) as error:
            _log.warning("listening tests cannot be read: %s", error)
            return []

    def _next_wait(self, room: ListeningRoom, wait_s: float) -> float:
        """Try once; how long to leave the test alone."""
        try:
            sent = send_results(room, self._server)
        except TrackingDenied as error:
            _log.warning("%s", error)
            return LONGEST_WAIT_S  # a refusal turns into no welcome by asking often
        except ClockTrainError as error:
            _log.warning("%s", error)
            return min(max(2 * wait_s, FIRST_WAIT_S), LONGEST_WAIT_S)
        except Exception:
            _log.exception("results of a listening test were not sent: a bug; the votes are kept")
            return LONGEST_WAIT_S
        if sent.num_votes:
            _log.info("%d votes are in MLflow, in %s", sent.num_votes, " ".join(sent.run_ids))
        return 0.0
