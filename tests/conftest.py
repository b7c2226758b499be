"""What more than one capability's tests stand on."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

# One thread: tests run beside each other, and a resumed run equals an unbroken one only on the same number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Every sound that a test has spoken is marked and logged, but never with the keys of the person who runs the tests.
if "CLOCKTRAIN_ISSUING" not in os.environ:
    os.environ["CLOCKTRAIN_ISSUING"] = tempfile.mkdtemp(prefix="clocktrain-issuing-")
    atexit.register(shutil.rmtree, os.environ["CLOCKTRAIN_ISSUING"], ignore_errors=True)

# A busy machine is no mistake of the code's: speed is measured by the benches.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
