"""Evaluation folders of made-up voices, tests made of them, and a server of their pages in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np

from clock_train.audio.writing import write_wav
from clock_train.listening.listening_test import ListeningKind, ListeningTest, Stimulus, Trial
from clock_train.listening.making import MadeTest, MakingRequest, make_test

RATE_HZ = 16_000
SENTENCES = ("north", "sun", "wind", "coat", "cloak", "road")
READY_S = 60.0
SERVER = """
import sys, pathlib, uvicorn
from starlette.applications import Starlette
from clock_train.api.listening_routes import listening_routes
from clock_train.listening.rooms import ListeningRooms
from clock_train.listening.sending import ResultSender
rooms = ListeningRooms(pathlib.Path(sys.argv[1]))
if sys.argv[3:]:
    ResultSender(rooms, sys.argv[3], look_s=0.2).start()
uvicorn.run(Starlette(routes=listening_routes(rooms)), port=int(sys.argv[2]), log_level="warning")
"""


def evaluated(
    folder: Path, *, pitch_hz: float = 140.0, seconds: float = 0.5, sentences: Sequence[str] = SENTENCES
) -> Path:
    """What ``clocktrain evaluate`` leaves to listen to: buzzing tones of different loudness."""
    for at, sentence in enumerate(sentences):
        own = folder / "held-out" / sentence
        own.mkdir(parents=True)
        for name, level in (("natural", 0.3), ("generated", 0.1), ("resynthesis", 0.05)):
            write_wav(own / f"{name}.wav", tone(pitch_hz + 9 * at, level, seconds), RATE_HZ)
    return folder


def tone(pitch_hz: float, level: float, seconds: float) -> np.ndarray:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    waves = sum(np.sin(2 * np.pi * pitch_hz * k * times) / k for k in range(1, 8))
    return (level * np.asarray(waves) * np.hanning(len(times))).astype(np.float32)


def made(
    folder: Path,
    kind: ListeningKind = ListeningKind.MOS,
    *,
    listeners: int = 4,
    trials: int = 9,
    days: int = 30,
    runs: Sequence[str] = (),
    seconds: float = 0.5,
) -> MadeTest:
    """A test of two voices, ``anna`` and ``boris``."""
    evaluations = {
        "anna": evaluated(folder / "anna", seconds=seconds),
        "boris": evaluated(folder / "boris", pitch_hz=100.0, seconds=seconds),
    }
    return make_test(
        MakingRequest(
            evaluations=evaluations,
            output=folder / "test",
            kind=kind,
            systems=("natural", "anna", "boris") if kind is ListeningKind.MOS else ("anna", "boris"),
            listeners=listeners,
            trials=trials,
            days=days,
            runs=runs,
        )
    )


def right_answer(test: ListeningTest, trial: Trial) -> str:
    """What a careful listener says, who finds recordings best and "anna" better than "boris"."""
    if trial.accepted:
        return trial.accepted[-1]
    if test.kind is ListeningKind.MOS:
        return grade(trial.stimuli[0])
    return "a" if grade(trial.stimuli[0]) > grade(trial.stimuli[1]) else "b"


def grade(stimulus: Stimulus) -> str:
    return {"natural": "5", "gold/natural": "5", "anna": "4", "boris": "2", "gold/ruined": "1"}[stimulus.system]


@contextmanager
def served(tests: Path, port: int, *, mlflow: str = "") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The pages of a folder of tests."""
    arguments = [sys.executable, "-c", SERVER, str(tests), str(port), *([mlflow] if mlflow else [])]
    process = subprocess.Popen(arguments)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + READY_S
        while True:
            assert process.poll() is None and time.monotonic() < deadline, "the server never answered"
            try:
                httpx.get(f"{address}/listen/x")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address, process
    finally:
        process.kill()
        process.wait()
