"""Asking voices under load: clients that wait for their answer (closed loop), arrivals that wait for nobody (open)."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np

from clock_train.errors import ClockTrainError
from clock_train.serving.speech_request import SpeechRequest
from clock_train.serving.voice_client import VoiceClient


@dataclass(kw_only=True)
class Answer:
    """One request, on the clock of ``time.perf_counter``."""

    wanted_at: float
    """When it was to leave: whoever is late with asking waits all the same."""
    ended_at: float | None = None
    heard: list[tuple[float, int]] = field(default_factory=list)
    """When each chunk came, and its samples."""
    error: str = ""
    """Its code."""

    @property
    def first_chunk_s(self) -> float | None:
        """From wanting to the first samples."""
        return self.heard[0][0] - self.wanted_at if self.heard else None

    @property
    def whole_s(self) -> float | None:
        """From wanting to the last samples."""
        return None if self.ended_at is None else self.ended_at - self.wanted_at


async def ask(client: VoiceClient, model: str, request: SpeechRequest, wanted_at: float) -> Answer:
    """Ask once; an error is noted and not raised."""
    found = Answer(wanted_at=wanted_at)
    try:
        async with aclosing(client.speak(model, request)) as chunks:
            async for chunk in chunks:
                found.heard.append((time.perf_counter(), len(chunk)))
        found.ended_at = time.perf_counter()
    except ClockTrainError as error:
        found.error = error.code
    return found


async def closed_loop(
    address: str, models: Sequence[str], requests: Sequence[SpeechRequest], *, num_clients: int, seconds: float
) -> list[Answer]:
    """Clients that ask again as soon as they have their answer; those under way at the end are waited for.

    Args:
        address: of Triton's gRPC.
        models: asked in turn.
        requests: asked in turn.
        num_clients: at once.
        seconds: in which requests leave.
    """
    client, asked = VoiceClient(address), _in_turn(models, requests)
    until = time.perf_counter() + seconds
    found: list[Answer] = []

    async def one() -> None:
        while (now := time.perf_counter()) < until:
            found.append(await ask(client, *next(asked), now))

    try:
        await asyncio.gather(*(one() for _ in range(num_clients)))
    finally:
        await client.close()
    return found


async def open_loop(
    address: str, models: Sequence[str], requests: Sequence[SpeechRequest], *, rate: float, seconds: float
) -> list[Answer]:
    """Arrivals at random (Poisson, always the same ones), whether or not earlier ones are answered.

    Args:
        address: of Triton's gRPC.
        models: asked in turn.
        requests: asked in turn.
        rate: arrivals a second.
        seconds: in which requests leave.
    """
    client, asked = VoiceClient(address), _in_turn(models, requests)
    rng, began = np.random.default_rng(1), time.perf_counter()
    under_way, at = [], rng.exponential(1 / rate)
    try:
        while at < seconds:
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            under_way.append(asyncio.create_task(ask(client, *next(asked), began + at)))
            at += rng.exponential(1 / rate)
        return await asyncio.gather(*under_way)
    finally:
        await client.close()


def samples_heard(answers: Sequence[Answer], *, until: float = math.inf) -> int:
    """By all of them, up to a moment."""
    return sum(samples for each in answers for at, samples in each.heard if at <= until)


def percentile_ms(values: Iterable[float | None], percent: float) -> float:
    """Of seconds, in milliseconds; NaN where there are none."""
    known = [value for value in values if value is not None]
    return 1_000 * float(np.percentile(known, percent)) if known else math.nan


def _in_turn(models: Sequence[str], requests: Sequence[SpeechRequest]) -> Iterator[tuple[str, SpeechRequest]]:
    return zip(itertools.cycle(models), itertools.cycle(requests), strict=False)
