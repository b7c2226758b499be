"""Asking a voice of a tritonserver: a request in, its chunks as they come; closing the iterator cancels the request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException

from clock_train.errors import ServerUnavailable, ServingError
from clock_train.serving.speech_request import SpeechRequest
from clock_train.serving.triton_server import coded_error
from clock_train.serving.voice_model import AUDIO, INPUTS

DTYPES = {"UINT8": np.uint8, "INT64": np.int64, "FP32": np.float32}
STREAM_S = 600.0
"""The longest that one request may speak."""


class VoiceClient:
    """A connection to one server, shared by all requests of one event loop."""

    def __init__(self, address: str) -> None:
        self._triton = triton.InferenceServerClient(address)

    async def close(self) -> None:
        """Let the connection go."""
        await self._triton.close()

    async def speak(self, model: str, request: SpeechRequest) -> AsyncIterator[np.ndarray]:
        """Chunks of marked samples, (N,) float32.

        Raises:
            ClockTrainError: what the backend raised.
            ServerUnavailable: no server, or it ended while it spoke.
        """

        async def asked() -> AsyncIterator[dict[str, Any]]:
            yield {"model_name": model, "inputs": tensors(request)}

        replies: Any = self._triton.stream_infer(asked(), stream_timeout=STREAM_S)
        is_over = False
        try:
            async for result, error in replies:
                if error is not None:
                    raise _error_of(error)
                samples = result.as_numpy(AUDIO)
                if samples is not None and len(samples):
                    yield samples
            is_over = True  # a server that ended meanwhile is an error of the call
        except InferenceServerException as error:
            raise _error_of(error) from error
        finally:
            if not is_over:
                replies.cancel()


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
    if request.speaker is not None:
        values["speaker"] = request.speaker
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
    return ServerUnavailable(f"the speech server did not finish ({words}); ask again in some seconds")
