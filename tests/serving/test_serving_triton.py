"""Voices asked for from the real tritonserver, by the stock client and by ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from asking import ask  # pyright: ignore[reportMissingImports]
from served_voices import Served, found_in  # pyright: ignore[reportMissingImports]
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from clock_train.errors import (
    BundleDamaged,
    BundleSignerUnknown,
    ClockTrainError,
    SpeechInputInvalid,
    TextEmpty,
    TextTooLong,
    VoiceNotFound,
    WatermarkKeyInvalid,
)
from clock_train.issuing.issuer import Issuer
from clock_train.models.sentences import Sentence, read_sentences
from clock_train.serving.bundle_voice import BundleVoice
from clock_train.serving.model_repository import write_model
from clock_train.serving.speech_request import Mark, SpeechRequest, answer
from clock_train.serving.voice_client import VoiceClient

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along in a cloak. " * 4
LONG_TEXT = 3 * TEXT
"""Half a minute: a tiny voice's noise carries a payload less well than speech, and no key may be too bad for it."""


def spoken(served: Served, request: SpeechRequest, model: str = "duo-v1") -> np.ndarray:
    async def go() -> np.ndarray:
        client = VoiceClient(served.server.address)
        try:
            return np.concatenate([chunk async for chunk in client.speak(model, request)])
        finally:
            await client.close()

    return asyncio.run(asyncio.wait_for(go(), 60))


def log_lines(served: Served) -> list[dict[str, object]]:
    files = sorted(served.installation.log_folder.rglob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_stock_client_hears_marked_sound_and_the_log_knows_it(served: Served) -> None:
    waveform = ask(served.server.address, "duo-v1", text=LONG_TEXT)
    found = found_in(served.installation, waveform)
    assert found.is_detected
    assert found.payload is not None
    assert found.payload.hex in json.dumps(log_lines(served)[-1])


def test_what_triton_speaks_is_what_the_bundle_speaks(served: Served) -> None:
    waveform = ask(served.server.address, "duo-v1", text=TEXT, seed=np.array([7]))
    voice = BundleVoice.open(served.bundles["duo-v1"], trusted_keys=[served.key], issuer=Issuer(served.installation))
    # one session and one processor: the same numbers, whether the chunks crossed a server or not
    assert np.abs(spoken_by(voice, TEXT, seed=7) - waveform).max() < 1e-5


def spoken_by(voice: BundleVoice, text: str, *, seed: int) -> np.ndarray:
    """As the backend asks: the same facts make the same request id, and so the same mark."""
    request = SpeechRequest(text=text, seed=seed)
    return np.concatenate(list(answer(voice.engine, request, voice.issuer.installation)))


def test_phones_that_were_read_before_sound_as_the_text_does(served: Served) -> None:
    issue_of_text = spoken(served, SpeechRequest(text=TEXT))
    issue_of_phones = spoken(served, SpeechRequest(sentences=read_sentences(TEXT)))
    assert len(issue_of_text) == len(issue_of_phones)
    # two request ids start the mark at two places; the speech under it is one
    assert np.corrcoef(issue_of_text, issue_of_phones)[0, 1] > 0.98


def test_the_payload_of_the_request_is_the_one_in_the_sound(served: Served) -> None:
    now = datetime.now(UTC)
    issue = Issuer(served.installation).begin(
        text=LONG_TEXT, voice="somebody", consent_ids=[], sample_rate_hz=16_000, request_id="r1", now=now
    )
    keys = served.installation.keys(now.date())
    mark = Mark(payload=issue.origin.payload, key_id=keys.embedding_key(now.date()).key_id)
    found = found_in(served.installation, spoken(served, SpeechRequest(text=LONG_TEXT, mark=mark, request_id="r1")))
    assert found.payload is not None
    assert found.payload.hex == mark.payload


def test_a_key_of_somebody_else_marks_nothing(served: Served) -> None:
    mark = Mark(payload="00400100c2b5", key_id="2020-01-01-aaaaaa")
    with pytest.raises(WatermarkKeyInvalid):
        spoken(served, SpeechRequest(text=TEXT, mark=mark))


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (SpeechRequest(text=""), TextEmpty),
        (SpeechRequest(text="🙂"), TextEmpty),
        (SpeechRequest(text="a" * 100_000), TextTooLong),
        (SpeechRequest(sentences=[Sentence(np.full((3, 5), 9_999))]), SpeechInputInvalid),
        (SpeechRequest(sentences=[Sentence(np.ones((3, 5_000), dtype=np.int64))]), SpeechInputInvalid),
        (SpeechRequest(text=TEXT, speaker="nobody"), VoiceNotFound),
        (SpeechRequest(text=TEXT, speed=9.0), ClockTrainError),
    ],
    ids=["nothing", "no words", "100,000 letters", "unknown phones", "one long sentence", "nobody", "too fast"],
)
def test_what_cannot_be_spoken_is_refused_with_its_code(
    served: Served, request_: SpeechRequest, error: type[ClockTrainError]
) -> None:
    before = len(log_lines(served))
    with pytest.raises(error):
        spoken(served, request_)
    assert len(log_lines(served)) == before


def test_neither_text_nor_phones_is_refused_for_a_stock_client_too(served: Served) -> None:
    with pytest.raises(InferenceServerException, match="SpeechInputInvalid: give either text or phones"):
        ask(served.server.address, "duo-v1", seed=np.array([1]))


def test_a_voice_changed_on_disk_is_not_loaded_while_others_speak(served: Served) -> None:
    graph = served.repository / "anna-v1" / "1" / "bundle" / "decoder.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.unlink()  # the bundle itself shares the file
    graph.write_bytes(content)
    with pytest.raises(BundleDamaged, match=r"decoder\.onnx"):
        served.server.load("anna-v1")
    assert served.server.loaded() == ["duo-v1"]
    assert len(spoken(served, SpeechRequest(text="Good morning."))) > 1_000


def test_a_bundle_of_an_unknown_signer_is_neither_written_nor_loaded(served: Served) -> None:
    with pytest.raises(BundleSignerUnknown):
        write_model(served.repository, served.bundles["ben-v1"], trusted_keys=["somebody"])
    served.installation.trusted_path.write_text("", encoding="utf-8")
    try:
        with pytest.raises(BundleSignerUnknown):
            served.server.load("ben-v1")
    finally:
        served.installation.trusted_path.write_text(f"{served.key}\n", encoding="utf-8")


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(
            lambda stock: stock.load_model("mine", config="{}", files={"file:1/model.py": b"import os"}), id="code"
        ),
        pytest.param(lambda stock: stock.unload_model("duo-v1"), id="unload"),
        pytest.param(lambda stock: stock.get_model_repository_index(), id="index"),
        pytest.param(lambda stock: stock.register_system_shared_memory("mine", "/x", 8), id="memory"),
        pytest.param(lambda stock: stock.update_log_settings({"log_file": "/tmp/mine"}), id="log"),
        pytest.param(lambda stock: stock.update_trace_settings(settings={"trace_file": "/tmp/mine"}), id="trace"),
    ],
)
def test_who_may_speak_may_not_bring_code_or_name_files(
    act: Callable[[InferenceServerClient], object], served: Served
) -> None:
    with (
        contextlib.closing(InferenceServerClient(served.server.address)) as stock,
        pytest.raises(InferenceServerException, match="restricted"),
    ):
        act(stock)
    assert len(ask(served.server.address, "duo-v1", text="Good morning."))
