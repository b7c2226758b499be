"""Speech while the text is still being written: ``SynthesizeLive``, and the client's ``live``."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import found_in, voices_in  # pyright: ignore[reportMissingImports]
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.client import AsyncSpeechClient, SpeechClient, SpokenPiece
from clock_train.errors import QuotaExhausted, RequestInvalid, TextEmpty, TextTooLong, VoiceNotFound
from clock_train.issuing.installation import Installation

pytestmark = pytest.mark.ring2
CLOCKTRAIN = str(Path(sys.executable).with_name("clocktrain"))
WAIT_S = 30.0
LONG = "The north wind and the sun were disputing which was the stronger, when a traveller came along. "


@dataclass
class Writer:
    """Gives texts as the test says, and waits between them."""

    texts: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def write(self, *texts: str) -> None:
        for text in texts:
            self.texts.put(text)

    def end(self) -> None:
        self.texts.put(None)

    def __iter__(self) -> Iterator[str]:
        while (text := self.texts.get(timeout=WAIT_S)) is not None:
            yield text


@dataclass
class Live:
    """A server with keys and metrics."""

    front: Front
    folder: Path

    def key(self, *words: str) -> str:
        made = self.run("apikeys", "create", "--tenant", "studio", "--qps", "50", *words, "--json")
        return json.loads(made)["apiKey"]

    def run(self, *words: str) -> str:
        command = [CLOCKTRAIN, *words, "--accounts", str(self.folder / "a.db")]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def log(self) -> list[dict[str, Any]]:
        paths = Installation(self.folder / "issuing").log_folder.rglob("*.jsonl")
        return [json.loads(line) for path in paths for line in path.open()]

    def num_open(self) -> float:
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith("clocktrain_speech_open ")))

    metrics_port: int = 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    from clock_train.serving.ports import free_port

    folder, port = tmp_path_factory.mktemp("live"), free_port()
    voices_in(folder, "anna")
    words = ["--accounts", str(folder / "a.db"), "--metrics-port", str(port)]
    with front(folder / "voices", folder / "issuing", *words) as running:
        yield Live(running, folder, port)


@pytest.fixture(scope="module")
def client(served: Live) -> Iterator[SpeechClient]:
    with SpeechClient(served.front.grpc, key=served.key()) as opened:
        yield opened


def samples(pieces: Iterable[SpokenPiece]) -> np.ndarray:
    return np.frombuffer(b"".join(piece.content for piece in pieces), "<i2")


def test_a_sentence_is_heard_before_the_next_one_is_written(client: SpeechClient) -> None:
    writer = Writer()
    heard = client.live(writer, voice="duo", format="pcm")
    writer.write("Good mor", "ning. ", "How are")
    first = next(heard)
    assert first.content
    writer.write(" you?")
    writer.end()
    assert len(samples(heard)) > 4_000


def test_what_has_no_end_is_said_where_the_writer_asks_for_it(client: SpeechClient) -> None:
    writer = Writer()
    heard = client.live(writer, voice="duo", format="pcm")
    writer.write("Without an end", "")
    assert next(heard).content
    writer.end()
    list(heard)


def test_one_sound_of_several_sentences_with_times_in_all_of_the_text(client: SpeechClient) -> None:
    text = "Good morning. How are you? 你好。Fine"
    pieces = list(client.live(list(text), voice="duo", format="pcm", timed=["sentence", "word"]))
    timed = [each for piece in pieces for each in piece.timed]
    starts = [each.start_s for each in timed]
    assert starts == sorted(starts) and starts[-1] < len(samples(pieces)) / 16_000
    sentences = [text[each.char_start : each.char_end].strip() for each in timed if each.kind == "sentence"]
    assert sentences == ["Good morning.", "How are you?", "你好。", "Fine"]
    words = [text[each.char_start : each.char_end] for each in timed if each.kind == "word"]
    assert words[:5] == ["Good", "morning", "How", "are", "you"] and words[-1] == "Fine"


def test_every_sentence_is_marked_logged_and_counted(served: Live) -> None:
    key = served.key()
    texts = [LONG * 4, LONG * 4]
    with SpeechClient(served.front.grpc, key=key) as client:
        pieces = list(client.live(texts, voice="duo", format="pcm", request_id="live-one"))
    lines = [line for line in served.log() if line.get("requestId", "").startswith("live-one")]
    assert [line["requestId"] for line in lines] == [f"live-one{end}" for end in ("", ".1")]
    found = found_in(Installation(served.folder / "issuing"), samples(pieces).astype(np.float32) / 32768)
    assert found.is_detected and found.payload is not None and found.payload.hex == lines[0]["payload"]

    def counted() -> list[int]:
        rows = json.loads(served.run("usage", "--json"))["usage"]
        return [row["characters"] for row in rows if row["key"] == key.split("_")[2]]

    until(lambda: sum(counted()) == len("".join(texts)), "usage is written")


def test_a_day_that_is_used_up_ends_the_sound_after_what_it_paid_for(served: Live) -> None:
    key, heard = served.key("--characters-a-day", "30"), []
    with SpeechClient(served.front.grpc, key=key) as client, pytest.raises(QuotaExhausted):
        for piece in client.live(["Good morning to you. ", "And a good evening. "], voice="duo", format="pcm"):
            heard.append(piece)
    assert len(samples(heard)) > 1_000
    with SpeechClient(served.front.grpc, key=key) as client:
        assert list(client.live(["Hello."], voice="duo")), "what was refused took nothing"


def test_errors_of_the_manner_come_before_anything_is_written(client: SpeechClient) -> None:
    for how, error in (({"voice": "dux"}, VoiceNotFound), ({"voice": "duo", "speed": 9.0}, RequestInvalid)):
        writer = Writer()
        with pytest.raises(error):
            next(client.live(writer, **how))
        writer.end()
    with pytest.raises(RequestInvalid, match="plain text"):
        next(client.live([], voice="duo", ssml="<speak>Hello</speak>"))


def test_nothing_and_too_much_are_refused(client: SpeechClient) -> None:
    for texts in ([], [" \n "], ["...", "!?"]):
        with pytest.raises(TextEmpty):
            list(client.live(texts, voice="duo"))
    with pytest.raises(TextTooLong):
        list(client.live([" " * 15_000, "a" * 6_000], voice="duo"))


@pytest.mark.parametrize(
    "messages",
    [
        [{"text": "Good morning."}],
        [{}],
        [{"settings": {"utterance": {"voice": "duo", "text": "Good morning."}}}],
        [{"settings": {"utterance": {"voice": "duo", "ssml": "<speak/>"}}}],
        [{"settings": {"utterance": {"voice": "duo"}}}, {"settings": {"utterance": {"voice": "anna"}}}],
        [{"settings": {"utterance": {"voice": "duo"}}}, {}],
    ],
    ids=["no settings", "nothing", "text in them", "ssml", "twice", "empty"],
)
def test_messages_in_another_order_are_refused(served: Live, messages: list[dict[str, Any]]) -> None:
    made = iter([speech_pb2.SynthesizeLiveRequest(**each) for each in messages])
    with grpc.insecure_channel(served.front.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        list(call(served, channel, made))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # pyright: ignore[reportAttributeAccessIssue]


def call(served: Live, channel: grpc.Channel, requests: Iterator[Any], *, timeout_s: float = WAIT_S) -> Any:
    metadata = [("authorization", f"Bearer {served.key()}")]
    return speech_pb2_grpc.SpeechServiceStub(channel).SynthesizeLive(requests, timeout=timeout_s, metadata=metadata)


def waiting(stopped: queue.Queue[None]) -> Iterator[speech_pb2.SynthesizeLiveRequest]:
    """One sentence, and then a writer who thinks."""
    utterance = speech_pb2.Utterance(voice="duo")
    yield speech_pb2.SynthesizeLiveRequest(settings=speech_pb2.LiveSettings(utterance=utterance))
    yield speech_pb2.SynthesizeLiveRequest(text="Good morning. ")
    stopped.get(timeout=WAIT_S)


def test_a_deadline_ends_a_text_that_is_still_being_written(served: Live) -> None:
    stopped: queue.Queue[None] = queue.Queue()
    with grpc.insecure_channel(served.front.grpc) as channel, pytest.raises(grpc.RpcError) as late:
        list(call(served, channel, waiting(stopped), timeout_s=3.0))
    stopped.put(None)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # pyright: ignore[reportAttributeAccessIssue]
    until(lambda: served.num_open() == 0, "nothing stays open")


def test_a_reader_who_leaves_leaves_nothing_behind(served: Live, client: SpeechClient) -> None:
    writers = [Writer() for _ in range(20)]
    for writer in writers:
        heard = client.live(writer, voice="duo", format="pcm")
        writer.write(LONG * 10)
        next(heard)
        heard.close()  # pyright: ignore[reportAttributeAccessIssue]
        writer.end()
    until(lambda: served.num_open() == 0, "nothing stays open")
    assert list(client.live(["Hello."], voice="duo"))


def test_a_writer_who_says_nothing_more_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from clock_train.api import live_lines
    from clock_train.api.orders import Line

    monkeypatch.setattr(live_lines, "IDLE_S", 0.2)

    async def silent() -> AsyncIterator[speech_pb2.SynthesizeLiveRequest]:
        yield speech_pb2.SynthesizeLiveRequest(text="Good morning. And then")
        await asyncio.sleep(WAIT_S)

    async def heard() -> list[str]:
        lots = live_lines.live_lines(silent(), Line(text="", voice="duo"), lambda line: [line])
        return [line.text async for lot in lots for line in lot]

    began = time.monotonic()
    assert asyncio.run(heard()) == ["Good morning. ", "And then"] and time.monotonic() - began < 5


def test_the_client_of_an_event_loop_does_the_same(served: Live) -> None:
    async def spoken() -> bytes:
        written: asyncio.Queue[str | None] = asyncio.Queue()

        async def texts() -> AsyncIterator[str]:
            while (text := await written.get()) is not None:
                yield text

        async with AsyncSpeechClient(served.front.grpc, key=served.key()) as client:
            content = b""
            await written.put("Good morning. ")
            async for piece in client.live(texts(), voice="duo", format="pcm"):
                if not content:
                    await written.put("How are you?")
                    await written.put(None)
                content += piece.content
            return content

    assert len(asyncio.run(spoken())) > 16_000


def test_no_text_is_in_the_servers_log(served: Live, client: SpeechClient) -> None:
    list(client.live(["Rumpelstilzchen ", "is my name."], voice="duo", request_id="name"))
    log = served.front.log_path.read_text()
    assert "request name spoken" in log and "Rumpel" not in log and "a bug" not in log
