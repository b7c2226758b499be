"""The rows of speaking through Triton, each with its target."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

from clock_train.cli.machine import available_cores
from clock_train.cli.measurements.door_rows import door_rows
from clock_train.cli.measurements.isolation import Measurement, measure
from clock_train.cli.measurements.rows import BenchRow, Blank, Effort, measured_row, plain_row
from clock_train.cli.measurements.triton_speaking import CLIENTS_A_CORE

SPEECH = "s of speech/s"


def triton_rows(effort: Effort, out: Path | None) -> Iterator[BenchRow]:
    """Rate against bare sessions, first chunk, load, memory, and ever more clients.

    Args:
        effort: how much is done.
        out: an existing folder for the sweep's raw CSV and picture.
    """
    cores = available_cores()
    with tempfile.TemporaryDirectory(prefix="clocktrain-bench-") as folder:
        written = measure(
            "bench_voice",
            {"folder": folder, "num_voices": max(cores + 1, effort.triton_voices)},
            timeout_s=effort.timeout_s,
            threads=1,
        )
        yield from _speaking_rows(effort, _with(written, "triton_speaking", effort, {
            "folder": folder, "rounds": effort.triton_rounds, "seconds": effort.triton_seconds,
            "loads": effort.triton_rounds,
        }), cores)  # fmt: skip
        options = {"folder": folder, "num_voices": effort.triton_voices}
        found = _with(written, "triton_memory", effort, options)
        note = "{own_mb:.0f} MB of the server, {voice_mb:.0f} MB a voice; shared pages once, each voice has spoken"
        at_most = 0.12 * effort.triton_voices
        title = f"Triton: memory of {effort.triton_voices} voices"
        yield measured_row(title, found, "whole_gb", "GB", at_most=at_most, note=_filled(note, found))
        options = {
            "folder": folder, "clients": list(effort.triton_clients), "seconds": effort.triton_seconds,
            "out": str(out.resolve()) if out else None,
        }  # fmt: skip
        yield from _sweep_rows(effort, _with(written, "triton_sweep", effort, options))
        yield from door_rows(effort, _with(written, "door_speaking", effort, {
            "folder": folder, "rounds": effort.triton_rounds, "seconds": effort.triton_seconds,
            "clients": list(effort.triton_clients),
        }))  # fmt: skip


def _speaking_rows(effort: Effort, found: Measurement, cores: int) -> Iterator[BenchRow]:
    rounds = f"{effort.triton_rounds} rounds of {effort.triton_seconds:g} s each, in turn; sentences of 3 to 5 s"
    note = f"{cores} processes of one thread, unmarked, {{bare_per_cpu:.0f}} a CPU-s; {rounds}"
    yield measured_row("bare ONNX sessions", found, "bare_pace", SPEECH, note=_filled(note, found))
    note = "the same, marked; {marked_per_cpu:.0f} a CPU-s"
    yield measured_row("bare ONNX sessions, marked", found, "marked_pace", SPEECH, note=_filled(note, found))
    clients = f"{CLIENTS_A_CORE * cores} clients, whose CPU time is {{triton_asking_cores:.2f}} cores"
    note = f"{cores} voices, marked, {{triton_per_cpu:.0f}} a CPU-s of server and voices ({{triton_cores:.2f}} cores), "
    note += "{triton_own_percent:.0f} % of them the server's; "
    yield measured_row("Triton", found, "triton_pace", SPEECH, note=_filled(note + clients, found))
    for title, how, process in (
        ("Triton, one voice", "one_voice", f"one process of {cores} threads"),
        (f"Triton, one voice in {cores} processes", "one_copied", f"each of {cores} threads"),
    ):
        note = f"{process}; {{{how}_per_cpu:.0f}} a CPU-s ({{{how}_cores:.2f}} cores)"
        yield measured_row(title, found, f"{how}_pace", SPEECH, note=_filled(note, found))
    for title, how, base, at_least, what in (
        ("Triton over bare sessions", "triton", "bare", 75.0, "; marked against unmarked"),
        ("Triton over bare sessions, one voice", "one_voice", "bare", None, ""),
        (f"Triton over bare sessions, one voice in {cores} processes", "one_copied", "bare", None, ""),
        ("Triton over bare sessions, both marked", "triton", "marked", None, ": what the server alone costs"),
        ("bare sessions, marked over unmarked", "marked", "bare", None, ": what the mark alone costs"),
    ):
        name = f"{how}_of_{base}"
        note = (
            f"the smaller of {{{name}_pace_percent:.0f}} % by the clock, {{{name}_per_cpu_percent:.0f}} % by CPU time"
        )
        yield measured_row(title, found, f"{name}_percent", "%", at_least=at_least, note=_filled(note + what, found))
    note = (
        "{arrivals_per_s:.1f} random arrivals a second, half of the above; p95 {first_p95_ms:.0f} ms, "
        "{arrivals:.0f} requests, {arrivals_failed:.0f} failed"
    )
    yield measured_row("Triton: first chunk, p50", found, "first_p50_ms", "ms", at_most=30.0, note=_filled(note, found))
    note = "process started, hashes checked, spoken once; files read before"
    yield measured_row("Triton: load of a voice", found, "load_s", "s", at_most=1.0, note=note)


def _sweep_rows(effort: Effort, found: Measurement) -> Iterator[BenchRow]:
    for count in effort.triton_clients:
        details = {
            name.removeprefix(f"{count}_"): value
            for name, value in found.values.items()
            if name.startswith(f"{count}_") and not math.isnan(value)
        }
        note = (
            "whole sentence p50 {p50_ms:.0f}, p95 {p95_ms:.0f}, p99 {p99_ms:.0f} ms; first chunk p50 "
            "{first_p50_ms:.0f} ms; {audio_s_per_s:.0f} s of speech/s; {errors:.0f} errors"
        )
        note = f"not available: {found.failure}" if found.failure else note.format_map(Blank(details))
        title = f"Triton, {count} client{'s' if count > 1 else ''} at once"
        yield plain_row(title, details.get("requests_per_s"), "requests/s", note=note, details=details)


def _with(written: Measurement, name: str, effort: Effort, options: dict[str, object]) -> Measurement:
    """A measurement over the voices, where there are any."""
    return written if written.failure else measure(name, options, timeout_s=effort.timeout_s, threads=1)


def _filled(note: str, found: Measurement) -> str:
    return note.format_map(Blank(found.values))
