"""``AsyncSpeechClient``: as ``SpeechClient``, on an event loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.client.blocking import LIVE_S, TIMEOUT_S
from clock_train.client.sounds import Spoken, SpokenPiece, VoiceFacts
from clock_train.client.wire import (
    OPTIONS,
    Asked,
    credentials,
    error_of,
    live_request,
    live_settings,
    metadata,
    piece_of,
    spoken_of,
    voices_of,
)
from clock_train.errors import SpeechCut


class AsyncSpeechClient:
    """A connection to a gateway, for any number of tasks of one loop; see ``SpeechClient``."""

    def __init__(
        self,
        address: str = "127.0.0.1:8881",
        *,
        key: str | None = None,
        tls: bool = False,
        ca: str | Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._key, self._timeout_s = key, timeout_s
        if tls or ca is not None:
            secure = credentials(None if ca is None else Path(ca))
            self._channel = grpc.aio.secure_channel(address, secure, options=OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self._stub: Any = speech_pb2_grpc.SpeechServiceStub(self._channel)

    async def __aenter__(self) -> AsyncSpeechClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let the connection go."""
        await self._channel.close()

    async def voices(self) -> list[VoiceFacts]:
        """See ``SpeechClient``."""
        try:
            asked = speech_pb2.ListVoicesRequest()
            given = metadata(self._key, None)
            return voices_of(await self._stub.ListVoices(asked, timeout=self._timeout_s, metadata=given))
        except grpc.RpcError as error:
            raise error_of(error) from error

    async def synthesize(self, text: str = "", *, voice: str = "", request_id: str | None = None, **how: Any) -> Spoken:
        """See ``SpeechClient``."""
        asked = Asked(text=text, voice=voice, **how)
        request = speech_pb2.SynthesizeRequest(**asked.fields())
        try:
            answer = await self._stub.Synthesize(
                request, timeout=self._timeout_s, metadata=metadata(self._key, request_id)
            )
        except grpc.RpcError as error:
            raise error_of(error) from error
        return spoken_of(answer, asked)

    async def stream(
        self, text: str = "", *, voice: str = "", request_id: str | None = None, **how: Any
    ) -> AsyncGenerator[SpokenPiece, None]:
        """See ``SpeechClient``; closing the generator stops the server too."""
        asked = Asked(text=text, voice=voice, **how)
        request = speech_pb2.SynthesizeStreamRequest(**asked.fields())
        call = self._stub.SynthesizeStream(
            request, timeout=10 * self._timeout_s, metadata=metadata(self._key, request_id)
        )
        async with contextlib.aclosing(_pieces(call)) as pieces:
            async for piece in pieces:
                yield piece

    async def live(
        self, texts: AsyncIterable[str], *, voice: str, request_id: str | None = None, **how: Any
    ) -> AsyncGenerator[SpokenPiece, None]:
        """See ``SpeechClient``; closing the generator stops the server too."""
        asked = Asked(voice=voice, **how)
        first = live_settings(asked)

        async def requests() -> AsyncIterator[speech_pb2.SynthesizeLiveRequest]:
            yield first
            async for text in texts:
                yield live_request(text)

        call = self._stub.SynthesizeLive(requests(), timeout=LIVE_S, metadata=metadata(self._key, request_id))
        async with contextlib.aclosing(_pieces(call)) as pieces:
            async for piece in pieces:
                yield piece


async def _pieces(call: Any) -> AsyncGenerator[SpokenPiece, None]:
    """Of a stream, which is cancelled where its reader leaves."""
    is_whole = False
    try:
        async for part in call:
            is_whole = part.WhichOneof("part") == "summary"
            if part.audio or part.timepoints:
                yield piece_of(part)
    except grpc.RpcError as error:
        raise error_of(error) from error
    finally:
        call.cancel()
    if not is_whole:
        raise SpeechCut("the stream ended before the sound did; ask again")
