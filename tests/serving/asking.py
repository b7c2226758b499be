"""Asking a tritonserver with the stock client, which knows nothing of ClockTrain."""

from __future__ import annotations

import queue

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

KINDS = {"u": "UINT8", "i": "INT64", "f": "FP32"}


def ask(address: str, model: str, timeout_s: float = 60.0, **inputs: str | np.ndarray) -> np.ndarray:
    """The joined chunks of one streamed request."""
    replies: queue.Queue[tuple[triton.InferResult | None, InferenceServerException | None]] = queue.Queue()
    with triton.InferenceServerClient(address) as client:
        client.start_stream(lambda result, error: replies.put((result, error)))
        client.async_stream_infer(model, [tensor(*each) for each in inputs.items()], enable_empty_final_response=True)
        chunks = []
        while True:
            result, error = replies.get(timeout=timeout_s)
            if error is not None:
                raise error
            assert result is not None
            samples = result.as_numpy("audio")
            if samples is not None:
                chunks.append(samples)
            if result.get_response().parameters["triton_final_response"].bool_param:  # pyright: ignore
                return np.concatenate(chunks)


def tensor(name: str, value: str | np.ndarray) -> triton.InferInput:
    array = np.frombuffer(value.encode(), np.uint8) if isinstance(value, str) else value
    given = triton.InferInput(name, list(array.shape), KINDS[array.dtype.kind])
    given.set_data_from_numpy(array)
    return given
