"""``POST /v1/audio/speech`` as OpenAI's clients call it, and ``/captioned``, the same with the times of its words.

Sound leaves as it is spoken. What can be refused is refused before the first sample; what fails in the middle cuts the
connection, so that nobody takes half a sound for a whole one.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Literal, TypeVar

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from clock_train.accounts.keys import KeyScope
from clock_train.api.callers import Caller, Callers
from clock_train.api.captions import entries, subrip, web_vtt
from clock_train.api.desk import Speech, SpeechDesk
from clock_train.api.orders import Order
from clock_train.api.refusals import answering, limit_headers
from clock_train.api.request_content import json_content
from clock_train.api.sounds import Sound, sound_of
from clock_train.api.speech_body import SpeechBody, read_body
from clock_train.api.speech_events import CONTENT_TYPE, events
from clock_train.api.wording import Wording
from clock_train.errors import RequestInvalid
from clock_train.serving.timepoints import Kind
from clock_train.text.lexicon_folder import LexiconFolder

T = TypeVar("T")
STRICT = "x-clocktrain-strict"
"""A header with which fields that nobody knows are refused."""


class CaptionedBody(SpeechBody):
    """As for speech, with the times of what is said."""

    caption_format: Literal["json", "srt", "vtt"] = Field("json", description="srt and vtt come without the sound.")


def speech_routes(desk: SpeechDesk, callers: Callers, lexicons: LexiconFolder) -> list[Route]:
    """The two addresses."""
    answered = answering(callers, KeyScope.SPEECH_SYNTHESIZE)

    @answered
    async def speak(request: Request, request_id: str, caller: Caller) -> Response:
        body = read_body(SpeechBody, await json_content(request))
        order = await asyncio.to_thread(body.order, Wording(lexicons, caller.tenant))
        _refuse_ignored(request, body)
        speech = await _unless_gone(request, desk.begin(order, request_id, caller, request.headers))
        return Response(status_code=499) if speech is None else await _answer(speech, body)

    @answered
    async def captioned(request: Request, request_id: str, caller: Caller) -> Response:
        body = read_body(CaptionedBody, await json_content(request))
        timed = frozenset({Kind.SENTENCE, Kind.WORD})
        order = await asyncio.to_thread(body.order, Wording(lexicons, caller.tenant), timed=timed)
        _refuse_ignored(request, body)
        if body.caption_format != "json" and body.input is None:
            raise RequestInvalid(
                "a script has no text of one piece; ask for caption_format json", field="caption_format"
            )
        speech = await _unless_gone(request, _whole(desk, order, request_id, caller, request.headers, body))
        return Response(status_code=499) if speech is None else speech

    return [
        Route("/v1/audio/speech", speak, methods=["POST"]),
        Route("/v1/audio/speech/captioned", captioned, methods=["POST"]),
    ]


async def _answer(speech: Speech, body: SpeechBody) -> Response:
    sound = await sound_of(speech, body.format, body.sample_rate)
    headers = _headers(sound, body)
    if body.stream is False and not body.is_sse:
        try:
            content, _ = await sound.whole()
        finally:
            await sound.close()
        return Response(content, media_type=sound.content_type, headers=headers)
    return _Streamed(sound, is_sse=body.is_sse, headers=headers)


async def _whole(
    desk: SpeechDesk, order: Order, request_id: str, caller: Caller, carried: Mapping[str, str], body: CaptionedBody
) -> Response:
    speech = await desk.begin(order, request_id, caller, carried)
    sound = await sound_of(speech, body.format, body.sample_rate)
    try:
        content, points = await sound.whole()
    finally:
        await sound.close()
    headers = _headers(sound, body)
    if body.caption_format == "srt":
        return PlainTextResponse(subrip(points, body.shown), media_type="application/x-subrip", headers=headers)
    if body.caption_format == "vtt":
        return PlainTextResponse(web_vtt(points, body.shown), media_type="text/vtt", headers=headers)
    found = {
        "audio": base64.b64encode(content).decode(), "format": body.format.value, "sample_rate": sound.rate_hz,
        "duration": round(sound.seconds, 4), "voice": speech.voice.label,
    }  # fmt: skip
    return JSONResponse(found | entries(points), headers=headers)


def _headers(sound: Sound, body: SpeechBody) -> dict[str, str]:
    headers = {
        "x-request-id": sound.speech.request_id,
        "x-clocktrain-voice": sound.speech.voice.label,
        "x-clocktrain-sample-rate": str(sound.rate_hz),
        "x-clocktrain-characters": str(sound.speech.num_characters),
        "cache-control": "no-store",
        "x-accel-buffering": "no",
    }
    if sound.whole_seconds is not None:
        headers["x-clocktrain-audio-seconds"] = f"{sound.whole_seconds:.3f}"
    ignored = ",".join(name for name in body.ignored() if name.isascii() and name.isprintable())
    if ignored:
        headers["x-clocktrain-ignored"] = ignored[:500]
    headers |= limit_headers(sound.speech.limits)
    return {name: value.encode("utf-8").decode("latin-1") for name, value in headers.items()}


class _Streamed(StreamingResponse):
    """Streams a sound, and lets go of it however the response ends."""

    def __init__(self, sound: Sound, *, is_sse: bool, headers: dict[str, str]) -> None:
        async def content() -> AsyncIterator[bytes]:
            async for piece in sound.pieces():
                yield piece.content

        media_type = CONTENT_TYPE if is_sse else sound.content_type
        super().__init__(events(sound) if is_sse else content(), media_type=media_type, headers=headers)
        self._sound = sound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._sound.close()


def _refuse_ignored(request: Request, body: SpeechBody) -> None:
    ignored = body.ignored()
    if ignored and request.headers.get(STRICT) == "1":
        raise RequestInvalid(
            f'"{ignored[0][:80]}" has no effect; leave it out, or the header {STRICT}', field=ignored[0]
        )


async def _unless_gone(request: Request, work: Awaitable[T]) -> T | None:
    """What the work gives; None where the client went away before."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (gone, working):
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
