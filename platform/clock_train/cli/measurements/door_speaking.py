"""Speaking the whole way, as a product asks: key, text, Triton, mark, file, at the doors of ``clocktrain serve``.

Bare ONNX sessions have their turn in the same rounds. The load generator shares the cores with what it measures; its
CPU time is told apart, and so is that of the front (keys, dictionaries, gRPC, coding) and of Triton with its voices.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from clock_train.accounts.keys import KeyScope
from clock_train.accounts.store import Store
from clock_train.cli.machine import available_cores
from clock_train.cli.measurements.asked_voices import Answer, percentile_ms
from clock_train.cli.measurements.bare_speaking import speakers, spoken_by
from clock_train.cli.measurements.isolation import CpuClock, answer, median
from clock_train.cli.measurements.process_tree import cpu_seconds, descendants, memory_mb
from clock_train.cli.measurements.served_voices import sentences
from clock_train.client import AsyncSpeechClient
from clock_train.errors import ClockTrainError

SAMPLE_RATE_HZ = 16_000
CLIENTS_A_CORE = 4
START_S = 120.0
FORMATS = ("wav", "pcm24", "flac", "aac", "mp3", "opus")
"""pcm24 is pcm at 24 kHz: resampled."""


@dataclass(frozen=True)
class Doors:
    """A server that takes requests."""

    pid: int
    grpc: str
    key: str
    voices: list[str]


@contextmanager
def doors(root: Path, num_voices: int) -> Iterator[Doors]:
    """``clocktrain serve`` over the first voices of a folder of ``write_voices``, with keys."""
    accounts = root / "accounts.sqlite"
    store = Store(str(accounts))
    key, _ = store.create_key(tenant="bench", scopes=list(KeyScope), qps=100, now=datetime.now(UTC))
    store.close()
    places = [word for number in range(num_voices) for word in ("--voices", str(root / f"voice-{number}"))]
    command = [
        str(Path(sys.executable).with_name("clocktrain")),
        "serve",
        *places,
        "--accounts",
        str(accounts),
        "--json",
    ]
    environment = {**os.environ, "CLOCKTRAIN_ISSUING": str(root / "issuing")}
    process = subprocess.Popen(
        [*command, "--http-port", "0", "--grpc-port", "0"], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        listening = json.loads(process.stdout.readline())
        yield Doors(process.pid, listening["grpc"], key, [f"voice-{number}" for number in range(num_voices)])
    finally:
        process.terminate()
        process.wait(START_S)


def measure_door_speaking(*, folder: str, rounds: int, seconds: float, clients: list[int]) -> dict[str, float]:
    """Medians of the rounds, in each of which bare sessions and every format have their turn.

    Args:
        folder: of ``bench_voice.write_voices``.
        rounds: of all ways.
        seconds: of each way in a round.
        clients: at once, for the sweep.
    """
    root, cores = Path(folder), available_cores()
    found: dict[str, list[float]] = {}
    with doors(root, cores) as served, speakers(root, cores) as bare:
        _through(served, "wav", min(seconds, 2.0), cores)  # everything is warm
        for _ in range(rounds):
            samples, _ = spoken_by(bare, "bare", seconds)
            found.setdefault("bare_pace", []).append(samples / SAMPLE_RATE_HZ / seconds)
            for format in FORMATS:
                for name, value in _through(served, format, seconds, cores * CLIENTS_A_CORE).items():
                    found.setdefault(f"{format}_{name}", []).append(value)
            found.setdefault("of_bare_percent", []).append(100 * found["wav_pace"][-1] / found["bare_pace"][-1])
        values = {name: median(each) for name, each in found.items()}
        rate = max(0.5, values["wav_requests_per_s"] / 2)
        values |= _arrivals(served, rate, max(rounds * seconds, 4 / rate))
        for count in clients:
            row = _through(served, "wav", seconds, count)
            values |= {f"{count}_{name}": value for name, value in row.items()}
        values["front_mb"] = memory_mb([served.pid])
    return values


def _through(served: Doors, format: str, seconds: float, num_clients: int) -> dict[str, float]:
    """Requests and speech a second, and what they cost in CPU time in each place."""
    others = [pid for pid in descendants(served.pid) if pid != served.pid]
    clock, front, triton, began = CpuClock(), cpu_seconds([served.pid]), cpu_seconds(others), time.perf_counter()
    answers = asyncio.run(_closed_loop(served, format, num_clients, seconds))
    wall_s = time.perf_counter() - began
    front_s, triton_s = cpu_seconds([served.pid]) - front, cpu_seconds(others) - triton
    spoken = [each for each in answers if not each.error]
    if not spoken:
        raise RuntimeError(f"no answer under load: {', '.join(sorted({each.error for each in answers}))}")
    audio_s = sum(samples for each in spoken for _, samples in each.heard) / 1e3
    return {
        "requests_per_s": len(spoken) / wall_s,
        "pace": audio_s / wall_s,
        "front_ms": 1e3 * front_s / len(spoken),
        "triton_ms": 1e3 * triton_s / len(spoken),
        "front_percent": 100 * front_s / max(1e-9, front_s + triton_s),
        "asking_cores": clock.seconds() / wall_s,
        "p50_ms": percentile_ms([each.whole_s for each in spoken], 50),
        "p95_ms": percentile_ms([each.whole_s for each in spoken], 95),
        "p99_ms": percentile_ms([each.whole_s for each in spoken], 99),
        "first_p50_ms": percentile_ms([each.first_chunk_s for each in spoken], 50),
        "errors": len(answers) - len(spoken),
    }


def _arrivals(served: Doors, rate: float, seconds: float) -> dict[str, float]:
    answers = asyncio.run(_open_loop(served, rate, seconds))
    firsts = [each.first_chunk_s for each in answers]
    return {
        "arrivals_per_s": rate,
        "arrivals": len(answers),
        "arrivals_failed": sum(bool(each.error) for each in answers),
        "first_p50_ms": percentile_ms(firsts, 50),
        "first_p99_ms": percentile_ms(firsts, 99),
    }


async def _closed_loop(served: Doors, format: str, num_clients: int, seconds: float) -> list[Answer]:
    asked, found = itertools.count(), list[Answer]()
    until = time.perf_counter() + seconds
    async with AsyncSpeechClient(served.grpc, key=served.key) as client:

        async def one() -> None:
            while (now := time.perf_counter()) < until:
                found.append(await _ask(client, served.voices, format, next(asked), now))

        await asyncio.gather(*(one() for _ in range(num_clients)))
    return found


async def _open_loop(served: Doors, rate: float, seconds: float) -> list[Answer]:
    """Arrivals at random (Poisson, always the same ones), whether or not earlier ones are answered."""
    rng, began = np.random.default_rng(1), time.perf_counter()
    under_way, at = [], rng.exponential(1 / rate)
    async with AsyncSpeechClient(served.grpc, key=served.key) as client:
        for number in itertools.count():
            if at >= seconds:
                break
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            under_way.append(asyncio.create_task(_ask(client, served.voices, "pcm", number, began + at)))
            at += rng.exponential(1 / rate)
        return await asyncio.gather(*under_way)


async def _ask(client: AsyncSpeechClient, voices: Sequence[str], format: str, number: int, wanted_at: float) -> Answer:
    """Ask once; an error is noted and not raised. What is heard is noted in milliseconds of sound."""
    found = Answer(wanted_at=wanted_at)
    utterance = sentences()[number % len(sentences())].utterance
    assert utterance is not None
    how = {"format": "pcm", "sample_rate_hz": 24_000} if format == "pcm24" else {"format": format}
    try:
        # by its sentence alone how long a sound is, is known: files of other formats do not tell
        timed = ["sentence"]
        pieces = client.stream(utterance.text, voice=voices[number % len(voices)], seed=number, timed=timed, **how)
        end_s = 0.0
        async with aclosing(pieces) as stream:
            async for piece in stream:
                end_s = max([end_s, *(point.end_s for point in piece.timed)])
                if piece.content:
                    found.heard.append((time.perf_counter(), 0))
        found.heard.append((time.perf_counter(), round(1e3 * end_s)))
        found.ended_at = time.perf_counter()
    except ClockTrainError as error:
        found.error = error.code
    return found


if __name__ == "__main__":
    answer(measure_door_speaking)
