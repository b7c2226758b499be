"""Asking a voice of a tritonserver: a request in, its chunks as they come; closing the iterator cancels the request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException

from clock_train.errors import ServerUnavailable, ServingError, VoiceProcessEnded
from clock_train.serving.backend_errors import coded_error
from clock_train.serving.ports import RECONNECTING
from clock_train.serving.speech_request import SpeechRequest
from clock_train.serving.voice_model import AUDIO, DURATIONS, INPUTS, Timings

DTYPES = {"UINT8": np.uint8, "INT64": np.int64, "FP32": np.float32}
_STUB_ENDED = "is not healthy"
"""In Triton's words on a voice whose process is gone."""
ALIVE_S = 1.0
"""Without a chunk, before the voice's process is looked at."""
STREAM_S = 600.0
"""The longest that one request may speak."""
TAKEN_S = 5.0
"""After which a server has surely taken a request. One that is cancelled before takes with it the only handler that
tritonserver keeps for new streams, about once in 30,000 times on a busy machine: its ModelStreamInferHandler leaves a
cancelled context before it asks for the next one. ``stream_probe`` sees what is left of that."""


class VoiceClient:
    """A connection to one server, shared by all requests of one event loop."""

    def __init__(self, address: str) -> None:
        self._triton = triton.InferenceServerClient(address, channel_args=RECONNECTING)
        self._leaving: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Let the connection go, once the server has taken what was asked of it."""
        if self._leaving:
            await asyncio.wait(self._leaving)
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

        async def asked() -> AsyncIterator[dict[str, Any]]:
            yield {"model_name": model, "inputs": tensors(request)}

        replies: Any = self._triton.stream_infer(asked(), stream_timeout=STREAM_S, headers=dict(headers or {}))
        coming, is_taken, is_over = asyncio.ensure_future(anext(replies, None)), False, False
        try:
            while (reply := await _when_come(coming, is_alive)) is not None:
                is_taken = True
                result, error = reply
                if error is not None:
                    raise _error_of(error)
                coming = asyncio.ensure_future(anext(replies, None))
                durations = result.as_numpy(DURATIONS)
                if durations is not None:
                    tell(durations)
                samples = result.as_numpy(AUDIO)
                if samples is not None and len(samples):
                    yield samples
            is_over = True  # a server that ended meanwhile is an error of the call
        except InferenceServerException as error:
            raise _error_of(error) from error
        except grpc.RpcError as error:  # a server that is lost in the middle; tritonclient leaves it as it is
            raise ServerUnavailable(
                f"the speech server did not finish ({type(error).__name__}); ask again in some seconds"
            ) from error
        finally:
            if not is_over:
                leaving = asyncio.ensure_future(_leave(replies, coming, is_taken))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)


async def _when_come(coming: asyncio.Future[Any], is_alive: Callable[[], bool]) -> Any:
    """The next reply; None at the end."""
    while not (await asyncio.wait({coming}, timeout=ALIVE_S))[0]:
        if not is_alive():
            raise VoiceProcessEnded("the voice's process ended while it spoke; ask again, and it is loaded anew")
    return coming.result()


async def _leave(replies: Any, coming: asyncio.Future[Any], is_taken: bool) -> None:
    """Cancel a request, but not before the server has taken it; a first reply says that it has."""
    if not is_taken:
        await asyncio.wait({coming}, timeout=TAKEN_S)
    replies.cancel()
    coming.cancel()
    await asyncio.wait({coming})
    if not coming.cancelled():
        coming.exception()  # seen: nobody waits for it any more


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
