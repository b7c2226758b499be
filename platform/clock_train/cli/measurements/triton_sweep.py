"""Ever more clients at once through Triton: rates, delays and errors, as figures, raw CSV and a picture."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from clock_train.cli.machine import available_cores
from clock_train.cli.measurements.asked_voices import Answer, closed_loop, percentile_ms, samples_heard
from clock_train.cli.measurements.isolation import answer
from clock_train.cli.measurements.served_voices import models, requests, serving
from clock_train.cli.measurements.triton_speaking import SAMPLE_RATE_HZ

REQUEST_COLUMNS = ("clients", "wanted_s", "first_chunk_s", "whole_s", "chunks", "audio_s", "error")


def measure_triton_sweep(*, folder: str, clients: list[int], seconds: float, out: str | None) -> dict[str, float]:
    """Each number of clients for a while; names of figures begin with the number.

    Args:
        folder: of ``bench_voice.write_voices``, with as many voices as cores.
        clients: at once, that ask again as soon as they are answered.
        seconds: of each.
        out: folder for ``requests.csv``, ``sweep.csv`` and ``sweep.png``; None writes nothing.
    """
    cores = available_cores()
    answers: dict[int, list[Answer]] = {}
    table: dict[int, dict[str, float]] = {}
    with serving(Path(folder), cores) as server:
        asked = requests(server.installation)
        for count in clients:
            began = time.perf_counter()
            answers[count] = asyncio.run(
                closed_loop(server.address, models(cores), asked, num_clients=count, seconds=seconds)
            )
            table[count] = _figures(answers[count], time.perf_counter() - began)
    if out is not None:
        _write(Path(out), answers, table)
    return {f"{count}_{name}": value for count, row in table.items() for name, value in row.items()}


def _figures(answers: Sequence[Answer], wall_s: float) -> dict[str, float]:
    spoken = [each for each in answers if not each.error]
    whole = [each.whole_s for each in spoken]
    return {
        "requests_per_s": len(spoken) / wall_s,
        "audio_s_per_s": samples_heard(spoken) / SAMPLE_RATE_HZ / wall_s,
        "p50_ms": percentile_ms(whole, 50),
        "p95_ms": percentile_ms(whole, 95),
        "p99_ms": percentile_ms(whole, 99),
        "first_p50_ms": percentile_ms([each.first_chunk_s for each in spoken], 50),
        "errors": len(answers) - len(spoken),
    }


def _write(out: Path, answers: Mapping[int, Sequence[Answer]], table: Mapping[int, Mapping[str, float]]) -> None:
    with (out / "requests.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(REQUEST_COLUMNS)
        for count, found in answers.items():
            began = min(each.wanted_at for each in found)
            writer.writerows(_cells(count, each, began) for each in found)
    with (out / "sweep.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clients", *next(iter(table.values()))])
        writer.writerows([count, *(f"{value:.4g}" for value in row.values())] for count, row in table.items())
    _plot(out / "sweep.png", table)


def _cells(count: int, found: Answer, began: float) -> list[object]:
    times = [found.wanted_at - began, found.first_chunk_s, found.whole_s]
    audio_s = sum(samples for _, samples in found.heard) / SAMPLE_RATE_HZ
    return [
        count,
        *("" if at is None else f"{at:.6f}" for at in times),
        len(found.heard),
        f"{audio_s:.4f}",
        found.error,
    ]


def _plot(path: Path, table: Mapping[int, Mapping[str, float]]) -> None:
    """Left how much is spoken, right how long it takes, over the number of clients."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(9, 4))
    pace, delays = picture.subplots(1, 2)
    counts = list(table)
    pace.plot(counts, [row["audio_s_per_s"] for row in table.values()], marker="o")
    pace.set_ylabel("seconds of speech a second")
    pace.set_ylim(bottom=0)
    titles = {
        "first_p50_ms": "first chunk, p50",
        "p50_ms": "whole, p50",
        "p95_ms": "whole, p95",
        "p99_ms": "whole, p99",
    }
    for name, title in titles.items():
        delays.plot(counts, [row[name] for row in table.values()], marker="o", label=title)
    delays.set_ylabel("ms from asking")
    delays.set_yscale("log")
    delays.legend(frameon=False, fontsize=8)
    for axes in (pace, delays):
        axes.set_xlabel("clients at once")
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.grid(alpha=0.3)
    picture.tight_layout()
    picture.savefig(path, dpi=120)


if __name__ == "__main__":
    answer(measure_triton_sweep)
