"""Whether ClockTrain can run on a real cluster here; says what is missing, and exits with 3 then.

python -m installed.can_run
"""

from __future__ import annotations

import shutil
import sys

from harness.real_cluster import CannotRunHere, check_machine

TOOLS = ("buildah", "debootstrap")
"""What builds the images."""


def main() -> int:
    """0 where it can, 3 where it cannot."""
    try:
        check_machine()
    except CannotRunHere as error:
        print(error, file=sys.stderr)
        return 3
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"the images need {', '.join(missing)}; on Debian: apt install {' '.join(missing)}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
