"""What a served voice costs in memory, and how little of a long sentence stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("export", "models")]

from exported_voice import exported  # noqa: E402  # pyright: ignore[reportMissingImports]

from clock_train.models.student import student_config  # noqa: E402

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from clock_train.serving.onnx_voice import OnnxVoice

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

def phones(count):
    return np.ones((3, count), dtype=np.int64)

empty = resident_mb()
voices = [OnnxVoice.open(sys.argv[1], trusted_keys=[sys.argv[2]]) for _ in range(5)]
for voice in voices:
    voice.speak(phones(40), voice.vectors_SE[0])
five = resident_mb()
for count in range(20, 400, 20):
    voices[0].speak(phones(count), voices[0].vectors_SE[0], speed=0.5)
print((five - empty) / 5, resident_mb() - five, "torch" in sys.modules)
"""


def test_a_served_student_takes_little_memory_and_keeps_little_of_long_sentences(tmp_path: Path) -> None:
    bundle, key = exported(tmp_path, student_config())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(bundle), key], cwd=ROOT / "platform", capture_output=True, text=True,
        check=True, timeout=240,
    )  # fmt: skip
    each_mb, kept_mb, has_torch = done.stdout.split()
    assert float(each_mb) < 120, "59 measured; ten voices in 1.2 GB"
    assert float(kept_mb) < 90, "55 to 66 measured; 101 with an arena, which keeps the largest sentence"
    assert has_torch == "False"
