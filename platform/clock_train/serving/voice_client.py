"""Asking a voice of a tritonserver: a request in, its chunks as they come; closing the iterator ends the request.

It is ended by a message to the voice, and not by cancelling its stream: tritonserver keeps one handler for new streams,
which one that is cancelled before it is taken can take with it (about once in 30,000 times on a busy machine: its
ModelStreamInferHandler leaves a cancelled context before it asks for the next one), and a cancellation at another
unlucky moment ends the server with signal 11 (about once in 10,000). ``stream_probe`` sees what foreign clients do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any
from uuid import uuid4

import grpc
import numpy as np
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException

from clock_train.errors import ServerUnavailable, ServingError, VoiceProcessEnded
from clock_train.serving.backend_errors import coded_error
from clock_train.serving.ports import RECONNECTING
from clock_train.serving.speech_request import SpeechRequest
from clock_train.serving.voice_model import AUDIO, DURATIONS, INPUTS, LEAVE, Timings

DTYPES = {"UINT8": np.uint8, "INT64": np.int64, "FP32": np.float32}
_STUB_ENDED = "is not healthy"
"""In Triton's words on a voice whose process is gone."""
ALIVE_S = 1.0
"""Without a chunk, before the voice's process is looked at."""
STREAM_S = 600.0
"""The longest that one request may speak."""
LEAVING_S = 60.0
"""In which a voice surely has ended a request that was left, behind all that it had to say before."""
CLOSING_S = 5.0


class VoiceClient:
    """A connection to one server, shared by all requests of one event loop."""

    def __init__(self, address: str) -> None:
        self._triton = triton.InferenceServerClient(address, channel_args=RECONNECTING)
        self._leaving: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Let the connection go, once what was left has ended or some seconds have passed."""
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=CLOSING_S)
        await self._triton.close()

    async def speak(
        self,
        model: str,
        request: SpeechRequest,
        *,
        is_alive: Callable[[], bool] = lambda: True,
        tell: Callable[[np.ndarray], None] = lambda durations: None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[np.ndarray, None]:
        """Chunks of marked samples, (N,) float32.

        Args:
            model: of the voice.
            request: what to say.
            is_alive: whether the voice's process lives; asked while no chunk comes, for Triton says nothing then.
            tell: takes durations of phones, (L,) int64 in frames, as ``request.timings`` says.
            headers: that go with the call, such as a trace's.

        Raises:
            ClockTrainError: what the backend raised.
            VoiceProcessEnded: the voice's process is gone.
            ServerUnavailable: no server, or it ended while it spoke.
        """

        asked = {"model_name": model, "inputs": tensors(request), "request_id": uuid4().hex}
        replies = self._stream(asked, timeout_s=STREAM_S, headers=headers)
        coming, is_answered, is_gone = asyncio.ensure_future(anext(replies, None)), False, False
        try:
            while (reply := await _when_come(coming, is_alive)) is not None:
                result, error = reply
                coming = asyncio.ensure_future(anext(replies, None))
                if error is not None:
                    is_answered = True
                    raise _error_of(error)
                durations = result.as_numpy(DURATIONS)
                if durations is not None:
                    tell(durations)
                samples = result.as_numpy(AUDIO)
                if samples is not None and len(samples):
                    yield samples
            is_gone = True  # a server that ended meanwhile is an error of the call
        except VoiceProcessEnded:
            is_gone = True
            replies.cancel()  # nobody is there to end it
            raise
        except InferenceServerException as error:
            raise _error_of(error) from error
        except grpc.RpcError as error:  # a server that is lost in the middle; tritonclient leaves it as it is
            raise ServerUnavailable(
                f"the speech server did not finish ({type(error).__name__}); ask again in some seconds"
            ) from error
        finally:
            if not is_gone:
                leaving = asyncio.ensure_future(self._leave(asked, replies, coming, is_answered))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)

    def _stream(self, asked: dict[str, Any], *, timeout_s: float, headers: Mapping[str, str] | None = None) -> Any:
        async def messages() -> AsyncIterator[dict[str, Any]]:
            yield asked

        return self._triton.stream_infer(messages(), stream_timeout=timeout_s, headers=dict(headers or {}))

    async def _leave(self, asked: dict[str, Any], replies: Any, coming: asyncio.Future[Any], is_answered: bool) -> None:
        """Have a request ended, and wait for that; with a server that does not answer its stream is cancelled."""
        message = asked | {"inputs": [tensor(LEAVE, asked["request_id"])], "request_id": ""}
        try:
            async with asyncio.timeout(LEAVING_S):
                if not is_answered and not (coming.done() and coming.result() is None):
                    async for _ in self._stream(message, timeout_s=LEAVING_S):
                        pass
                while await coming is not None:
                    coming = asyncio.ensure_future(anext(replies, None))
        except (TimeoutError, asyncio.CancelledError, InferenceServerException, grpc.RpcError):
            replies.cancel()
            coming.cancel()


async def _when_come(coming: asyncio.Future[Any], is_alive: Callable[[], bool]) -> Any:
    """The next reply; None at the end."""
    while not (await asyncio.wait({coming}, timeout=ALIVE_S))[0]:
        if not is_alive():
            raise VoiceProcessEnded("the voice's process ended while it spoke; ask again, and it is loaded anew")
    return coming.result()


def tensors(request: SpeechRequest) -> list[Any]:
    """Triton's inputs of a request."""
    values: dict[str, Any] = {
        "speed": np.array([request.speed], np.float32),
        "noise_scale": np.array([request.noise_scale], np.float32),
        "seed": np.array([request.seed], np.int64),
    }
    if request.text is not None:
        values |= {"text": request.text, "language": request.language}
    else:
        values["phones"] = np.concatenate([each.ids_3L for each in request.sentences], axis=1)
        values["sentence_lengths"] = np.array([each.ids_3L.shape[1] for each in request.sentences])
        values["labels"] = np.array([each.labels for each in request.sentences])
        if any(each.pause_s is not None for each in request.sentences):
            pauses_s = [np.nan if each.pause_s is None else each.pause_s for each in request.sentences]
            values["pauses"] = np.array(pauses_s)
        if any(each.speed != 1.0 for each in request.sentences):
            values["speeds"] = np.array([each.speed for each in request.sentences])
    if request.timings is not Timings.NEVER:
        values["timings"] = np.array([request.timings])
    if request.speaker is not None:
        values["speaker"] = request.speaker
    if request.request_id is not None:
        values["request_id"] = request.request_id
    if request.mark is not None:
        values |= vars(request.mark)
    return [tensor(name, value) for name, value in values.items()]


def tensor(name: str, value: str | np.ndarray) -> Any:
    """One input; words travel as their UTF-8 bytes."""
    kind = INPUTS[name].kind
    array = np.frombuffer(value.encode(), np.uint8) if isinstance(value, str) else value.astype(DTYPES[kind])
    given = triton.InferInput(name, list(array.shape), kind)
    given.set_data_from_numpy(np.ascontiguousarray(array))
    return given


def _error_of(error: InferenceServerException) -> ServingError | Exception:
    words = str(error.message())
    known = coded_error(words)
    if known is not None:
        return known
    if _STUB_ENDED in words:
        return VoiceProcessEnded(f"the voice's process ended ({words}); ask again, and it is loaded anew")
    return ServerUnavailable(f"the speech server did not finish ({words}); ask again in some seconds")
