"""The process beside a training that sends its entries to MLflow and speaks the samples of each checkpoint.

    python -m clock_train.orchestration.tracking_process OUTPUT UID --uri URI [--artifacts FOLDER] [--parent PID]

It is nice to the training, ends when the run's end was sent or its parent is gone, and loses nothing when it is killed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from clock_train.orchestration.checkpoint_samples import speak_samples
from clock_train.orchestration.run_tracking import SENDER_ENDED, SENDING_GRACE_S, SENT_LATER
from clock_train.tracking.outbox import Outbox
from clock_train.tracking.sending import keep_sending
from clock_train.tracking.target import TRACKING_FOLDER

NICENESS = 10


def main() -> int:
    """Send until the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("uid")
    parser.add_argument("--uri", required=True)
    parser.add_argument("--artifacts", type=Path)
    parser.add_argument("--parent", type=int)
    asked = parser.parse_args()
    os.nice(NICENESS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(SENDER_ENDED))
    outbox = Outbox(asked.output / TRACKING_FOLDER / asked.uid)
    spoken: set[int] = set()

    def is_over() -> bool:
        asked_for = outbox.newest("samples")  # the newest only: older checkpoints may be gone
        if asked_for is not None and asked_for["step"] not in spoken:
            spoken.add(asked_for["step"])
            speak_samples(asked.output, asked.uid, asked_for["step"], outbox)
        is_orphan = asked.parent is not None and os.getppid() != asked.parent
        return is_orphan or outbox.is_over()

    with outbox.sending() as may_send:
        if not may_send:
            print("another process sends these entries already", file=sys.stderr)
            return 0
        done = keep_sending(outbox, asked.uri, artifacts=asked.artifacts, is_over=is_over, grace_s=SENDING_GRACE_S)
    return 0 if done else SENT_LATER


if __name__ == "__main__":
    sys.exit(main())
