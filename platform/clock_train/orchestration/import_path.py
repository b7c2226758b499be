"""What a process that we start needs, to import the package from where this one did."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]


def import_path() -> dict[str, str]:
    """Environment for it: nothing where the package is installed.

    The folder of installed packages on PYTHONPATH would come before Python's own, and a backport in it would hide a
    module of the standard library: the process then ends as it begins.
    """
    if ROOT in map(Path, (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))):
        return {}
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
