"""Text that comes while it is spoken: a stream of requests as lots of lines, each of whole sentences.

The next request is read only when what came before is spoken, so that what a client sends ahead waits in its own
buffers and not here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace

from clock_train.api.orders import MAX_CHARACTERS, Line
from clock_train.api.speech_v1 import speech_pb2
from clock_train.errors import RequestInvalid, TextTooLong
from clock_train.text.live_text import LiveText

Requests = AsyncIterator[speech_pb2.SynthesizeLiveRequest]
IDLE_S = 300.0
"""A writer who sends nothing for so long has ended."""
LONGEST_S = 3600.0
"""Of one text."""


async def live_settings(requests: Requests) -> speech_pb2.LiveSettings:
    """The first request.

    Raises:
        RequestInvalid: it is something else, or does not come.
    """
    first = await _next(requests, time.monotonic() + IDLE_S)
    if first is None or first.WhichOneof("part") != "settings":
        raise RequestInvalid("the first message has no settings; send them before any text", field="input")
    utterance = first.settings.utterance
    if utterance.text or utterance.ssml:
        raise RequestInvalid("settings have text or ssml; send text in the messages after them", field="input")
    return first.settings


async def live_lines(
    requests: Requests, manner: Line, worded: Callable[[Line], list[Line]]
) -> AsyncGenerator[list[Line], None]:
    """Lots of lines, as they are written.

    Args:
        requests: after the settings.
        manner: a line without text.
        worded: gives a line its lexicon's words.

    Raises:
        TextTooLong: more than one request may hold.
        RequestInvalid: settings again, or an empty message.
        LexiconNotFound, LexiconInvalid: no such lexicon, or one that cannot be read.
    """
    await asyncio.to_thread(worded, manner)  # a lexicon that is not there is told before anything is written
    live, end_s = LiveText(manner.language or "auto"), time.monotonic() + LONGEST_S
    num_characters = place = 0
    while True:
        request = await _next(requests, end_s)
        kind = None if request is None else request.WhichOneof("part")
        if request is None:
            text = live.rest()
        elif kind == "text":
            num_characters += len(request.text)
            if num_characters > MAX_CHARACTERS:
                raise TextTooLong(f"the text is over {MAX_CHARACTERS} characters; go on in another call")
            text = live.add(request.text)
        elif kind == "flush":
            text = live.rest()
        else:
            raise RequestInvalid("a message has neither text nor flush; send settings once, first", field="input")
        if text:
            line = replace(manner, text=text, places=range(place, place + len(text) + 1))
            place += len(text)
            yield await asyncio.to_thread(worded, line)
        if request is None:
            return


async def _next(requests: Requests, end_s: float) -> speech_pb2.SynthesizeLiveRequest | None:
    """The next request; None where the writer has ended."""
    try:
        async with asyncio.timeout(min(IDLE_S, max(0.0, end_s - time.monotonic()))):
            return await anext(requests, None)
    except TimeoutError:
        return None
