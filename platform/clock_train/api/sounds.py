"""A speech as the bytes of a file, in pieces while it is spoken, for whichever door or event carries them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np

from clock_train.api.desk import Speech
from clock_train.labels.live import LiveEncoder, LiveFormat, content_type, rate_of
from clock_train.serving.timepoints import Timepoint

UNCODED = (LiveFormat.WAV, LiveFormat.PCM)
"""Written in microseconds; what codes goes to a thread, so that others' sounds are not held up."""


@dataclass(frozen=True, kw_only=True)
class SoundBytes:
    """Some of a file, and what begins in it."""

    content: bytes
    points: list[Timepoint]


class Sound:
    """A speech on its way out as a file.

    Args:
        speech: that has begun; it is closed with this.
        format: of the file.
        asked_hz: the rate that was asked for.
    """

    def __init__(self, speech: Speech, format: LiveFormat, asked_hz: int | None) -> None:
        self.speech, self.format = speech, format
        self.rate_hz = rate_of(format, speech.rate_hz, asked_hz)
        self.content_type = content_type(format, self.rate_hz)
        self._encoder = LiveEncoder(
            format, speech.rate_hz, self.rate_hz, labels=speech.labels, num_samples=speech.num_samples
        )

    @property
    def seconds(self) -> float:
        """That were handed over so far."""
        return self.speech.num_sent / self.speech.rate_hz

    @property
    def whole_seconds(self) -> float | None:
        """Of all of it, where that is known before."""
        return None if self.speech.num_samples is None else self.speech.num_samples / self.speech.rate_hz

    async def pieces(self) -> AsyncIterator[SoundBytes]:
        """What of the file is ready, none empty but the last, which may bring points alone."""
        points: list[Timepoint] = []
        async for piece in self.speech.pieces():
            content = await self._coded(piece.samples)
            points += piece.points
            if content:
                yield SoundBytes(content=content, points=points)
                points = []
        rest = await asyncio.to_thread(self._encoder.finish)
        if rest or points:
            yield SoundBytes(content=rest, points=points)

    async def whole(self) -> tuple[bytes, list[Timepoint]]:
        """All of it."""
        content, points = bytearray(), []
        async for piece in self.pieces():
            content += piece.content
            points += piece.points
        return bytes(content), points

    async def close(self) -> None:
        """Leave what is still to be spoken, and free everything."""
        with contextlib.suppress(RuntimeError):  # being run by whoever is cancelled
            await self.speech.close()
        self._encoder.close()

    async def _coded(self, samples: np.ndarray) -> bytes:
        if self.format in UNCODED:
            return self._encoder.push(samples)
        return await asyncio.to_thread(self._encoder.push, samples)


async def sound_of(speech: Speech, format: LiveFormat, asked_hz: int | None) -> Sound:
    """A speech that has begun as a file; where it cannot be one, it is left.

    Raises:
        RequestInvalid: a rate that there is not.
    """
    try:
        return Sound(speech, format, asked_hz)
    except BaseException:
        await speech.close()
        raise
