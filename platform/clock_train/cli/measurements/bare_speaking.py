"""Bare ONNX sessions, the baseline of serving: a process a core, each of one voice and one thread, in the same chunks.

    python -m clock_train.cli.measurements.bare_speaking FOLDER

Each line of standard input, ``bare`` or ``marked`` and seconds, is answered by a line: samples spoken in that time,
and CPU seconds. ``bare`` is the sessions alone; ``marked`` what the backend does in Triton, without Triton.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clock_train.cli.measurements.isolation import CpuClock
from clock_train.cli.measurements.served_voices import requests
from clock_train.issuing.installation import Installation
from clock_train.models.sentences import noise_seed
from clock_train.serving.onnx_voice import OnnxVoice
from clock_train.serving.speech_request import answer

START_S, ROUND_S = 60.0, 60.0


@contextmanager
def speakers(folder: Path, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Such processes, warm."""
    command = [sys.executable, "-m", "clock_train.cli.measurements.bare_speaking", str(folder)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    try:
        spoken_by(started, "bare", 0.1)
        spoken_by(started, "marked", 0.1)
        yield started
    finally:
        for each in started:
            each.kill()
            each.communicate()


def spoken_by(started: list[subprocess.Popen[str]], how: str, seconds: float) -> tuple[float, float]:
    """Samples that all of them spoke in that time, and their CPU seconds."""
    for each in started:
        assert each.stdin is not None
        each.stdin.write(f"{how} {seconds}\n")
        each.stdin.flush()
    answers = []
    for each in started:
        assert each.stdout is not None
        answers.append([float(word) for word in each.stdout.readline().split()])
    return sum(samples for samples, _ in answers), sum(cpu_s for _, cpu_s in answers)


def _serve(folder: Path) -> None:
    installation = Installation(folder / "issuing")
    engine = OnnxVoice.open(folder / "voice-0", trusted_keys=installation.trusted_keys())
    asked = itertools.cycle(requests(installation))

    def chunks(how: str) -> Iterator[int]:
        for request in asked:
            if how == "marked":
                yield from map(len, answer(engine, request, installation))
            else:
                (sentence,) = request.sentences
                seed = noise_seed(request.seed, 0)
                yield from map(len, engine.stream(sentence.ids_3L, engine.vectors_SE[0], seed=seed))

    for line in sys.stdin:
        how, seconds = line.split()
        until, clock, samples = time.perf_counter() + float(seconds), CpuClock(), 0
        for length in chunks(how):
            samples += length
            if time.perf_counter() > until:
                break
        print(samples, clock.seconds(), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
