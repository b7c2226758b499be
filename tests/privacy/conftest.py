"""The small world of the erasure's tests serves these as well."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "erasure"))
