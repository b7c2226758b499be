"""Speaking through Triton against bare ONNX sessions, in turn; first chunks at half that rate; loads of a voice.

The load generator shares the machine's cores with what it measures; its CPU time is told apart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

from clock_train.cli.machine import available_cores
from clock_train.cli.measurements.asked_voices import closed_loop, open_loop, percentile_ms, samples_heard
from clock_train.cli.measurements.bare_speaking import speakers, spoken_by
from clock_train.cli.measurements.isolation import CpuClock, answer, median
from clock_train.cli.measurements.process_tree import cpu_seconds
from clock_train.cli.measurements.served_voices import models, processes, requests, serving
from clock_train.serving.triton_server import TritonServer

CLIENTS_A_CORE = 4
LEAST_RATE, LEAST_ARRIVALS = 0.5, 4
"""So that there is a first chunk to look at, however short and slow a run is."""
SHARES = (("triton", "bare"), ("one_voice", "bare"), ("one_copied", "bare"), ("triton", "marked"), ("marked", "bare"))
"""What is told in percent of what."""
SAMPLE_RATE_HZ = 16_000


def measure_triton_speaking(*, folder: str, rounds: int, seconds: float, loads: int) -> dict[str, float]:
    """Medians of the rounds, in each of which every way of speaking has its turn.

    Args:
        folder: of ``bench_voice.write_voices``, with a voice more than there are cores.
        rounds: of all ways.
        seconds: of each way in a round; of the arrivals at half the rate, as long as all rounds of one.
        loads: of one voice.
    """
    root, cores = Path(folder), available_cores()
    found: dict[str, list[float]] = {}
    *many, copied = models(cores + 1)
    with serving(root, cores + 1, num_processes={copied: cores}) as server, speakers(root, cores) as bare:
        ways = {"one_voice": many[:1], "one_copied": [copied], "triton": many}
        for _ in range(rounds):
            for how in ("bare", "marked"):
                samples, cpu_s = spoken_by(bare, how, seconds)
                found.setdefault(f"{how}_pace", []).append(samples / SAMPLE_RATE_HZ / seconds)
                found.setdefault(f"{how}_per_cpu", []).append(samples / SAMPLE_RATE_HZ / cpu_s)
            for how, voices in ways.items():
                for name, value in _through(server, voices, seconds, cores * CLIENTS_A_CORE).items():
                    found.setdefault(f"{how}_{name}", []).append(value)
            for name in ("pace", "per_cpu"):
                for how, base in SHARES:
                    share = 100 * found[f"{how}_{name}"][-1] / found[f"{base}_{name}"][-1]
                    found.setdefault(f"{how}_of_{base}_{name}_percent", []).append(share)
        values = {name: median(each) for name, each in found.items()}
        rate = max(LEAST_RATE, values["triton_requests_per_s"] / 2)
        values |= {f"{how}_of_{base}_percent": _least_share(values, how, base) for how, base in SHARES}
        values |= _arrivals(server, many, rate, max(rounds * seconds, LEAST_ARRIVALS / rate))
        values["load_s"] = median([_load_seconds(server) for _ in range(loads)])
    return values


def _through(server: TritonServer, voices: list[str], seconds: float, num_clients: int) -> dict[str, float]:
    """Speech and requests a second, and what they cost in CPU time on both sides."""
    asked, pids = requests(server.installation), processes(server)
    own = pids[:2]  # guard and server; below them are the voices
    clock, before, own_before, began = CpuClock(), cpu_seconds(pids), cpu_seconds(own), time.perf_counter()
    answers = asyncio.run(closed_loop(server.address, voices, asked, num_clients=num_clients, seconds=seconds))
    wall_s, cpu_s = time.perf_counter() - began, cpu_seconds(pids) - before
    if codes := {each.error for each in answers if each.error}:
        raise RuntimeError(f"Triton answered with {', '.join(sorted(codes))} under load")
    audio_s = samples_heard(answers) / SAMPLE_RATE_HZ
    pace = samples_heard(answers, until=began + seconds) / SAMPLE_RATE_HZ / seconds
    return {
        "cores": cpu_s / wall_s,
        "own_percent": 100 * (cpu_seconds(own) - own_before) / cpu_s,
        "pace": pace,
        "per_cpu": audio_s / cpu_s,
        "requests_per_s": pace * len(answers) / audio_s,
        "asking_cores": clock.seconds() / wall_s,
    }


def _least_share(values: Mapping[str, float], how: str, base: str) -> float:
    """By the clock or by CPU time, whichever is less: on a busy machine the clock tells who was let run."""
    return min(values[f"{how}_of_{base}_{name}_percent"] for name in ("pace", "per_cpu"))


def _arrivals(server: TritonServer, voices: list[str], rate: float, seconds: float) -> dict[str, float]:
    asked = requests(server.installation)
    answers = asyncio.run(open_loop(server.address, voices, asked, rate=rate, seconds=seconds))
    firsts = [each.first_chunk_s for each in answers]
    return {
        "arrivals_per_s": rate,
        "arrivals": len(answers),
        "arrivals_failed": sum(bool(each.error) for each in answers),
        "first_p50_ms": percentile_ms(firsts, 50),
        "first_p95_ms": percentile_ms(firsts, 95),
    }


def _load_seconds(server: TritonServer) -> float:
    """Wall time until a voice is loaded and warm; its files were read before."""
    (model,) = models(1)
    server.unload(model)
    began = time.perf_counter()
    server.load(model)
    return time.perf_counter() - began


if __name__ == "__main__":
    answer(measure_triton_speaking)
