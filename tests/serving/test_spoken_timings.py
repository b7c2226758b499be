"""Durations, pauses and speeds of sentences, from the real tritonserver."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from served_voices import Served  # pyright: ignore[reportMissingImports]

from clock_train.errors import ConfigError, SpeechInputInvalid
from clock_train.models.sentences import PAUSE_SECONDS, Sentence, read_sentences
from clock_train.serving.speech_request import KEPT_FRAMES, SpeechRequest
from clock_train.serving.voice_client import VoiceClient
from clock_train.serving.voice_model import Timings

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing. Who was the stronger? A traveller came along in a cloak."
RATE_HZ, HOP = 16_000, 256


def spoken(served: Served, request: SpeechRequest) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """The sound, and what was told with how many samples had come before it."""
    told: list[tuple[int, np.ndarray]] = []
    samples: list[np.ndarray] = []

    async def go() -> None:
        client = VoiceClient(served.server.address)
        try:
            tell = lambda durations: told.append((sum(map(len, samples)), durations))  # noqa: E731
            async for chunk in client.speak("duo-v1", request, tell=tell):
                samples.append(chunk)
        finally:
            await client.close()

    asyncio.run(asyncio.wait_for(go(), 60))
    return np.concatenate(samples), told


def test_durations_told_ahead_say_how_long_the_sound_will_be(served: Served) -> None:
    sentences = read_sentences(TEXT, "en")
    waveform, told = spoken(served, SpeechRequest(sentences=sentences, timings=Timings.AHEAD))
    ((before, durations),) = told
    assert before == 0 and len(durations) == sum(each.ids_3L.shape[1] for each in sentences)
    assert len(waveform) == durations.sum() * HOP + 2 * int(PAUSE_SECONDS * RATE_HZ)


def test_a_text_longer_than_what_is_kept_sounds_the_same_told_ahead_or_not(served: Served) -> None:
    sentences = read_sentences(TEXT * 30, "en")
    plain, none = spoken(served, SpeechRequest(sentences=sentences, request_id="same"))
    ahead, told = spoken(served, SpeechRequest(sentences=sentences, request_id="same", timings=Timings.AHEAD))
    assert not none and told[0][1].sum() > KEPT_FRAMES
    assert np.array_equal(plain, ahead)


def test_durations_of_each_sentence_come_before_its_sound(served: Served) -> None:
    sentences = read_sentences(TEXT, "en")
    waveform, told = spoken(served, SpeechRequest(sentences=sentences, timings=Timings.EACH))
    assert [len(durations) for _, durations in told] == [each.ids_3L.shape[1] for each in sentences]
    ends = np.cumsum([durations.sum() * HOP for _, durations in told])
    assert told[0][0] == 0 and told[1][0] <= ends[0] + PAUSE_SECONDS * RATE_HZ
    assert len(waveform) == ends[-1] + 2 * int(PAUSE_SECONDS * RATE_HZ)


def test_a_pause_is_as_long_as_it_was_asked_for_and_silent(served: Served) -> None:
    plain = read_sentences(TEXT, "en")
    asked = [replace(plain[0], pause_s=0.5), replace(plain[1], pause_s=2.0), plain[2]]
    usual, _ = spoken(served, SpeechRequest(sentences=plain))
    waveform, told = spoken(served, SpeechRequest(sentences=asked, timings=Timings.EACH))
    assert len(waveform) - len(usual) == int(2.5 * RATE_HZ) - int(PAUSE_SECONDS * RATE_HZ)
    assert not waveform[: RATE_HZ // 2 - HOP].any()
    begin = RATE_HZ // 2 + told[0][1].sum() * HOP
    assert np.abs(waveform[begin + HOP : begin + 2 * RATE_HZ - HOP]).max() < 1e-3


def test_a_sentence_of_its_own_speed_is_shorter(served: Served) -> None:
    plain = read_sentences(TEXT, "en")
    asked = [plain[0], replace(plain[1], speed=2.0), plain[2]]
    _, told = spoken(served, SpeechRequest(sentences=plain, timings=Timings.EACH))
    _, quick = spoken(served, SpeechRequest(sentences=asked, timings=Timings.EACH))
    assert np.array_equal(told[0][1], quick[0][1]) and np.array_equal(told[2][1], quick[2][1])
    assert 0.3 < quick[1][1].sum() / told[1][1].sum() < 0.75


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"pause_s": -1.0}, SpeechInputInvalid),
        ({"pause_s": 11.0}, SpeechInputInvalid),
        ({"pause_s": float("inf")}, SpeechInputInvalid),
        ({"speed": 9.0}, ConfigError),
        ({"speed": float("nan")}, ConfigError),
    ],
    ids=str,
)
def test_what_no_sentence_can_have_is_refused(served: Served, change: dict[str, float], error: type[Exception]) -> None:
    sentences = [replace(read_sentences("Good morning.", "en")[0], **change)]
    with pytest.raises(error):
        spoken(served, SpeechRequest(sentences=sentences))


def test_pauses_of_more_than_a_minute_in_all_are_refused(served: Served) -> None:
    one = read_sentences("Good.", "en")[0]
    with pytest.raises(SpeechInputInvalid, match="63 s in all"):
        spoken(served, SpeechRequest(sentences=[replace(one, pause_s=9.0)] * 7))


def test_a_list_of_another_length_is_refused(served: Served) -> None:
    from asking import ask  # pyright: ignore[reportMissingImports]
    from tritonclient.utils import InferenceServerException

    ids = read_sentences("Good.", "en")[0].ids_3L
    with pytest.raises(InferenceServerException, match="pauses has 2 entries for 1 sentences"):
        ask(served.server.address, "duo-v1", phones=ids, pauses=np.zeros(2, np.float32))
    with pytest.raises(InferenceServerException, match="timings is 7"):
        ask(served.server.address, "duo-v1", phones=ids, timings=np.array([7]))
    assert isinstance(Sentence(ids).pause_s, type(None))
