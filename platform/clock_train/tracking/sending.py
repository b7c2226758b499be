"""Sends what waits in an outbox, in order, and says how it goes. Runs in a process of its own beside a training."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clock_train.errors import TrackingDenied, TrackingError
from clock_train.tracking.mlflow_run import MlflowRun, tracking_error
from clock_train.tracking.outbox import Outbox, SendingStatus

MOST_METRICS = 200
"""Metric entries a call: a resumed connection catches up quickly."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0


def send_waiting(outbox: Outbox, uri: str, *, artifacts: Path | None) -> int:
    """Send everything that waits now; how many entries arrived.

    Raises:
        TrackingError: an attempt failed; what arrived before it is remembered, the rest waits.
    """
    total = 0
    try:
        run = MlflowRun(uri, artifacts=artifacts, run_id=outbox.run_id)
        for kind, group in itertools.groupby(outbox.waiting(), key=lambda entry: entry["kind"]):
            entries = list(group)
            step = MOST_METRICS if kind == "metrics" else 1
            for start in range(0, len(entries), step):
                part = entries[start : start + step]
                _send(run, kind, part)
                if kind == "begin" and run.run_id is not None:
                    outbox.remember_run(run.run_id)
                outbox.mark_sent(len(part))
                total += len(part)
        outbox.write_status(
            SendingStatus(run_id=run.run_id or "", url=run.url() if total and run.run_id else outbox.status().url)
        )
    except TrackingError:
        raise
    except Exception as error:
        # MLflow lets anything through: requests' errors, SQLAlchemy's, its own
        failed = tracking_error(error, uri)
        known = outbox.status()
        outbox.write_status(SendingStatus(error=str(failed), run_id=known.run_id, url=known.url))
        raise failed from error
    return total


def keep_sending(
    outbox: Outbox, uri: str, *, artifacts: Path | None, is_over: Callable[[], bool], grace_s: float
) -> bool:
    """Send until the run is over and all is sent; whether everything arrived.

    Args:
        outbox: the run's.
        uri: of the tracker.
        artifacts: where a database keeps files.
        is_over: asked between two looks; True once no more entries will come.
        grace_s: how long to go on trying after that.
    """
    wait_s, over_since = FIRST_WAIT_S, None
    while True:
        over = is_over()
        try:
            send_waiting(outbox, uri, artifacts=artifacts)
            wait_s = FIRST_WAIT_S
            if over and not outbox.waiting():
                return True
        except TrackingError as error:
            # a refusal will not turn into a welcome by asking every second
            wait_s = LONGEST_WAIT_S if isinstance(error, TrackingDenied) else min(2 * wait_s, LONGEST_WAIT_S)
        if over:
            over_since = over_since or time.monotonic()
            if time.monotonic() - over_since > grace_s:
                return not outbox.waiting()
            wait_s = min(wait_s, grace_s / 4)
        time.sleep(wait_s)


def _send(run: MlflowRun, kind: str, entries: list[dict[str, Any]]) -> None:
    if kind == "metrics":
        run.metrics(list(entries))
    elif kind in ("begin", "tags", "artifact", "text", "model", "end"):
        getattr(run, kind)(entries[0])
