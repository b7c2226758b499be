"""A request that is ended by a message: by any client of Triton, without cancelling a stream."""

from __future__ import annotations

import queue
import time

import numpy as np
import pytest
from asking import ask  # pyright: ignore[reportMissingImports]
from served_voices import Served  # pyright: ignore[reportMissingImports]
from tritonclient.grpc import InferenceServerClient

from clock_train.serving import left_requests
from clock_train.serving.left_requests import LeftRequests
from clock_train.serving.speech_request import SpeechRequest
from clock_train.serving.voice_client import tensor, tensors
from clock_train.serving.voice_model import AUDIO, LEAVE

TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along in a cloak. " * 40


def test_the_oldest_are_forgotten_where_too_many_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_requests, "MOST", 3)
    left = LeftRequests()
    for number in range(5):
        left.add(str(number))
    assert [str(number) in left for number in range(5)] == [False, False, True, True, True]
    left.discard("3")
    left.discard("never there")
    left.add("")
    assert "3" not in left and "4" in left and "" not in left


@pytest.mark.ring2
def test_a_stock_client_ends_its_request_by_a_message(served: Served) -> None:
    heard = queue.Queue()
    with InferenceServerClient(served.server.address) as client:
        client.start_stream(lambda result, error: heard.put((result, error)))

        def say(inputs: list[object], request_id: str) -> None:
            client.async_stream_infer("duo-v1", inputs, request_id=request_id, enable_empty_final_response=True)

        say(tensors(SpeechRequest(text=TEXT)), "mine")
        say(tensors(SpeechRequest(text="Another one speaks on.")), "other")
        result, error = heard.get(timeout=30)
        assert error is None and result is not None
        say([tensor(LEAVE, "mine")], "")
        sound_s = {"mine": 0.0, "other": 0.0, "": 0.0}
        ends = {}
        while len(ends) < 3:
            result, error = heard.get(timeout=30)
            assert error is None
            response = result.get_response()
            samples = result.as_numpy(AUDIO)
            sound_s[response.id] += 0 if samples is None else len(samples) / 16_000
            if response.parameters["triton_final_response"].bool_param:
                ends[response.id] = time.monotonic()
        client.stop_stream()
    assert sound_s["other"] > 0.1 and sound_s[""] == 0.0
    whole_s = len(ask(served.server.address, "duo-v1", text=TEXT)) / 16_000
    assert sound_s["mine"] < whole_s / 2


@pytest.mark.ring2
def test_one_that_is_left_before_it_comes_is_not_spoken(served: Served) -> None:
    with InferenceServerClient(served.server.address) as client:
        heard = queue.Queue()
        client.start_stream(lambda result, error: heard.put((result, error)))
        client.async_stream_infer("duo-v1", [tensor(LEAVE, "early")], enable_empty_final_response=True)
        assert heard.get(timeout=30)[1] is None
        inputs = tensors(SpeechRequest(text=TEXT))
        client.async_stream_infer("duo-v1", inputs, request_id="early", enable_empty_final_response=True)
        result, error = heard.get(timeout=30)
        assert error is None and result.as_numpy(AUDIO) is None
        client.async_stream_infer("duo-v1", inputs, request_id="early", enable_empty_final_response=True)
        result, error = heard.get(timeout=30)
        assert np.abs(result.as_numpy(AUDIO)).max() > 0, "the id may be used again"
        client.async_stream_infer("duo-v1", [tensor(LEAVE, "early")])
        client.stop_stream()
