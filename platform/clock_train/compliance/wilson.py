"""How sure a share is that was counted: Wilson's interval.

Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).
"""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Of 95 % on both sides."""


def wilson_interval(hits: int, count: int, *, z: float = Z_95) -> tuple[float, float]:
    """Where the true share lies, low and high; (0, 1) where nothing was counted."""
    if count == 0:
        return 0.0, 1.0
    share = hits / count
    middle = share + z * z / (2 * count)
    width = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)
