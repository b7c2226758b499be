"""Long recordings: once in memory when read whole, never when read in blocks."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest

RATE_HZ = 16_000
TWO_HOURS = 2 * 3600
MEGABYTE = 1 << 20

MEASURE = """
import sys
import numpy, soundfile, soxr
from clock_train.audio.reading import read_blocks, read_waveform
from clock_train.audio.activity import activity
from clock_train.audio.loudness import clipping_percent, loudness_lufs
from clock_train.cli.measurements.isolation import peak_memory_gb

path, mode = sys.argv[1:]
before = peak_memory_gb()
if mode == "blocks":
    samples = sum(len(block) for block in read_blocks(path))
else:
    waveform = read_waveform(path)
    samples = len(waveform)
    if mode == "measures":
        activity(waveform, 16_000), loudness_lufs(waveform, 16_000), clipping_percent(waveform)
print(samples, round(1e9 * (peak_memory_gb() - before)))
"""


@pytest.fixture(scope="module")
def two_hours(tmp_path_factory):
    """Two hours of 16-bit silence that take no room on the disk: the file is a hole."""
    num_bytes = TWO_HOURS * RATE_HZ * 2
    header = b"RIFF" + struct.pack("<I", 36 + num_bytes) + b"WAVEfmt " + struct.pack("<I", 16)
    header += struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16) + b"data" + struct.pack("<I", num_bytes)
    path = tmp_path_factory.mktemp("long") / "two-hours.wav"
    path.write_bytes(header)
    os.truncate(path, len(header) + num_bytes)
    return path


@pytest.mark.parametrize(
    ("mode", "limit_bytes"),
    [
        # 115 million samples of 4 bytes are 439 MiB; a second copy would be 878.
        ("whole", 439 * MEGABYTE + 60 * MEGABYTE),
        # The measures keep a few numbers for each 10 ms, 5.5 MiB an array.
        ("measures", 439 * MEGABYTE + 120 * MEGABYTE),
        ("blocks", 30 * MEGABYTE),
    ],
)
def test_two_hours_never_sit_in_memory_twice(mode, limit_bytes, two_hours):
    command = [sys.executable, "-c", MEASURE, str(two_hours), mode]
    environment = {**os.environ, "PYTHONPATH": "platform", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=True)
    samples, grown_bytes = map(int, result.stdout.split())
    assert samples == TWO_HOURS * RATE_HZ
    assert grown_bytes < limit_bytes
