"""Looking for marks in a process of its own: a minute of arithmetic beside a server that must answer in milliseconds.

    python -m clock_train.api.detecting NAME [--exact]

The file comes on standard input; a line of JSON leaves: what anybody may know, or everything and the log's lines.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime
from typing import Any

from clock_train.audit.log import lines_of
from clock_train.errors import ClockTrainError
from clock_train.issuing.evidence import agreeing_lines, refuse_changed
from clock_train.issuing.installation import Installation
from clock_train.watermark.detection_json import as_plain
from clock_train.watermark.open_detector import OpenDetector

NICENESS = 15


def open_detector(installation: Installation) -> OpenDetector:
    """Over the keys of an installation."""
    return OpenDetector([installation.keys(_today())], today=_today)


def looked_into(content: bytes, name: str, *, is_exact: bool) -> dict[str, Any]:
    """What is told of a file."""
    installation = Installation()
    detector = open_detector(installation)
    found = detector.looked(content, name)
    if not is_exact:
        return detector.told(found)
    told = as_plain(found)
    issued = agreeing_lines(told["segments"], lambda payload: lines_of(installation.log_folder, payload))
    refuse_changed(issued, installation.signer().public_key)
    return {**told, "issued": issued}


def main(arguments: list[str]) -> int:
    """One file."""
    os.nice(NICENESS)
    try:
        told = looked_into(sys.stdin.buffer.read(), arguments[0], is_exact="--exact" in arguments[1:])
    except ClockTrainError as error:
        told = {"error": str(error)}
    print(json.dumps(told, ensure_ascii=False))
    return 0


def _today() -> date:
    return datetime.now(UTC).date()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
