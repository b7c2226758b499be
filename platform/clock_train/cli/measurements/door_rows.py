"""The rows of speaking the whole way through the doors of ``clocktrain serve``, each with its target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clock_train.cli.measurements.door_speaking import FORMATS
from clock_train.cli.measurements.isolation import Measurement
from clock_train.cli.measurements.rows import BenchRow, Blank, Effort, measured_row, plain_row

SENTENCE_S = 3.0


def door_rows(effort: Effort, found: Measurement) -> Iterator[BenchRow]:
    """Rate against bare sessions, first chunk, what the front costs, its memory, each format, ever more clients."""
    values = dict(found.values)
    if "wav_pace" in values:
        values["sentences"] = values["wav_pace"] / SENTENCE_S
    found = replace(found, values=values)

    def note(words: str) -> str:
        return words.format_map(Blank(values))

    clients = "whole way by gRPC, wav; load generator {wav_asking_cores:.2f} cores; {wav_requests_per_s:.1f} requests/s"
    yield measured_row("Doors: sentences of 3 s", found, "sentences", "/s", at_least=60.0, note=note(clients))
    words = "{wav_pace:.0f} of {bare_pace:.0f} s of speech/s, in the same rounds"
    yield measured_row("Doors over bare sessions", found, "of_bare_percent", "%", at_least=60.0, note=note(words))
    words = "{arrivals_per_s:.1f} random arrivals a second, half of the above; {arrivals:.0f} requests, "
    words += "{arrivals_failed:.0f} failed"
    yield measured_row("Doors: first chunk, p50", found, "first_p50_ms", "ms", at_most=40.0, note=note(words))
    yield measured_row("Doors: first chunk, p99", found, "first_p99_ms", "ms", at_most=150.0, note="of the same")
    words = "{wav_front_ms:.1f} ms of the front, {wav_triton_ms:.1f} ms of Triton and its voices a request"
    title = "Doors: the front's share of CPU time, wav"
    yield measured_row(title, found, "wav_front_percent", "%", at_most=20.0, note=note(words))
    yield measured_row("Doors: memory of the front", found, "front_mb", "MB", at_most=200.0, note="after all of this")
    for format in FORMATS:
        words = (
            f"{{{format}_front_percent:.0f}} % of the request's CPU time; {{{format}_requests_per_s:.1f}} requests/s"
        )
        title = f"Doors: CPU time of the front a request, {format}"
        yield measured_row(title, found, f"{format}_front_ms", "ms", note=note(words))
    for count in effort.triton_clients:
        words = (
            f"whole p50 {{{count}_p50_ms:.0f}}, p95 {{{count}_p95_ms:.0f}}, p99 {{{count}_p99_ms:.0f}} ms; first chunk "
            f"p50 {{{count}_first_p50_ms:.0f}} ms; {{{count}_errors:.0f}} errors"
        )
        title = f"Doors, {count} client{'s' if count > 1 else ''} at once"
        told = f"not available: {found.failure}" if found.failure else note(words)
        yield plain_row(title, values.get(f"{count}_requests_per_s"), "requests/s", note=told)
