"""What more than one capability's tests stand on."""

from __future__ import annotations

import os

# One thread: tests run beside each other, and a resumed run equals an unbroken one only on the same number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
