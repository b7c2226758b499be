"""A sound as server-sent events, named as OpenAI's: ``speech.audio.delta``, then ``done``; ``error`` where it fails."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

from clock_train.api.captions import entries
from clock_train.api.problems import problem_of
from clock_train.api.refusals import told
from clock_train.api.sounds import Sound
from clock_train.serving.timepoints import Timepoint

CONTENT_TYPE = "text/event-stream"
KEEP_ALIVE_S = 15.0
"""Without a sound, before a comment tells proxies that somebody is there."""


async def events(sound: Sound) -> AsyncIterator[bytes]:
    """Each piece as it is spoken, then what was used. What fails in the middle is told, and nothing comes after it."""
    pieces = aiter(sound.pieces())
    timed: list[Timepoint] = []
    coming: asyncio.Future[Any] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(pieces, None))
            if not (await asyncio.wait({coming}, timeout=KEEP_ALIVE_S))[0]:
                yield b": still speaking\n\n"
                continue
            piece, coming = coming.result(), None
            if piece is None:
                break
            timed += piece.points
            delta = {"type": "speech.audio.delta", "audio": base64.b64encode(piece.content).decode()}
            yield _event(delta | entries(piece.points))
        yield _event(_done(sound) | entries(timed))
    except Exception as error:
        yield _event({"type": "speech.audio.error", "error": told(problem_of(error), sound.speech.request_id)})
    finally:
        if coming is not None:
            coming.cancel()


def _done(sound: Sound) -> dict[str, Any]:
    characters = sound.speech.num_characters
    return {
        "type": "speech.audio.done",
        "usage": {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters},
        "characters": characters,
        "audio_seconds": round(sound.seconds, 4),
        "voice": sound.speech.voice.label,
    }


def _event(values: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(values, ensure_ascii=False)}\n\n".encode()
