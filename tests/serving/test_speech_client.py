"""The Python client, blocking and not, and ``clocktrain synthesize --server``, against a real server with keys."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import voices_in  # pyright: ignore[reportMissingImports]

from clock_train.client import AsyncSpeechClient, SpeechClient
from clock_train.client.playing import Player
from clock_train.client.wire import Said
from clock_train.errors import (
    ApiKeyInvalid,
    AudioUnwritable,
    RequestInvalid,
    ServerUnavailable,
    SpeechTooLong,
    TextEmpty,
    VoiceNotFound,
)
from clock_train.serving.ports import free_port

pytestmark = pytest.mark.ring2
CLOCKTRAIN = str(Path(sys.executable).with_name("clocktrain"))
TEXT = "The north wind and the sun were disputing which was the stronger. A traveller came along."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    voices_in(folder, "anna")
    return folder


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    made = ["apikeys", "create", "--tenant", "studio", "--qps", "100", "--accounts", str(folder / "a.db"), "--json"]
    done = subprocess.run([CLOCKTRAIN, *made], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)["apiKey"]


@pytest.fixture(scope="module")
def served(folder: Path, key: str) -> Iterator[Front]:
    with front(folder / "voices", folder / "issuing", "--accounts", str(folder / "a.db")) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Front, key: str) -> Iterator[SpeechClient]:
    with SpeechClient(served.grpc, key=key) as connected:
        yield connected


def test_a_whole_sound_comes_with_what_was_used_and_when_words_are_spoken(client: SpeechClient, tmp_path: Path) -> None:
    spoken = client.synthesize(TEXT, voice="anna", format="mp3", timed=["word"], request_id="mine")
    assert (spoken.voice, spoken.request_id, spoken.characters) == ("anna@1", "mine", len(TEXT))
    assert [TEXT[word.char_start : word.char_end] for word in spoken.timed] == TEXT.replace(".", "").split()
    assert soundfile.info(spoken.save(tmp_path / "a.mp3")).duration == pytest.approx(spoken.seconds, abs=0.15)


def test_a_stream_is_the_whole_sound_in_pieces(client: SpeechClient) -> None:
    whole = client.synthesize(TEXT, voice="anna", format="pcm")
    pieces = list(client.stream(TEXT, voice="anna", format="pcm"))
    assert len(pieces) > 2 and sum(len(piece.content) for piece in pieces) == len(whole.content)


def test_tones_that_people_hear_come_first_where_they_are_asked_for(client: SpeechClient) -> None:
    plain, labelled = (
        client.synthesize(TEXT, voice="anna", format="wav", audible_label=label) for label in (False, True)
    )
    assert labelled.seconds - plain.seconds == pytest.approx(1.6, abs=0.1)


def test_a_file_of_any_length_is_saved_by_its_name(client: SpeechClient, tmp_path: Path) -> None:
    client.save(TEXT * 10, tmp_path / "long.wav", voice="anna")
    with wave.open(str(tmp_path / "long.wav")) as file:
        assert file.getnframes() > 10 * 16_000
    with pytest.raises(SpeechTooLong):
        client.synthesize(TEXT * 60, voice="anna", format="wav")


def test_a_script_of_two_voices_is_one_file(client: SpeechClient) -> None:
    script = [Said(text="Who is there?", voice="anna"), Said(text="It is me.", voice="duo/ben", pause_s=0.5)]
    spoken = client.synthesize(script=script, format="wav", timed=["sentence"])
    assert [each.value for each in spoken.timed] == ["Who is there?", "It is me."]
    assert spoken.timed[1].start_s - spoken.timed[0].end_s == pytest.approx(0.5, abs=0.02)
    assert soundfile.info(io.BytesIO(spoken.content)).duration == pytest.approx(spoken.seconds, abs=0.01)


def test_leaving_a_stream_stops_the_server(client: SpeechClient, served: Front) -> None:
    for piece in client.stream(TEXT * 40, voice="anna", format="pcm", request_id="left-early"):
        assert piece.content
        break
    until_s = 10
    for _ in range(until_s * 10):
        if "request left-early left" in served.log_path.read_text():
            return
        asyncio.run(asyncio.sleep(0.1))
    pytest.fail("the server speaks on")


def test_errors_are_the_servers_own_classes(client: SpeechClient, served: Front, tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match="nobody"):
        client.synthesize(TEXT, voice="nobody")
    with pytest.raises(TextEmpty):
        list(client.stream(" ", voice="anna"))
    with pytest.raises(RequestInvalid, match="speed is 9"):
        client.synthesize(TEXT, voice="anna", speed=9.0)
    with pytest.raises(RequestInvalid, match="format is midi"):
        client.synthesize(TEXT, voice="anna", format="midi")
    with pytest.raises(AudioUnwritable):
        client.save(TEXT, tmp_path / "none" / "a.wav", voice="anna")
    with SpeechClient(served.grpc) as nobody, pytest.raises(ApiKeyInvalid):
        nobody.voices()


def test_no_server_is_told_within_bounds() -> None:
    with SpeechClient(f"127.0.0.1:{free_port()}", timeout_s=2) as client, pytest.raises(ServerUnavailable):
        client.voices()


def test_an_event_loop_asks_the_same_way(served: Front, key: str) -> None:
    async def go() -> None:
        async with AsyncSpeechClient(served.grpc, key=key) as client:
            assert {voice.name for voice in await client.voices()} == {"anna", "duo"}
            sounds = await asyncio.gather(*(client.synthesize(TEXT, voice="anna", format="pcm") for _ in range(4)))
            assert len({len(sound.content) for sound in sounds}) == 1
            streamed = b"".join([piece.content async for piece in client.stream(TEXT, voice="anna", format="pcm")])
            assert len(streamed) == len(sounds[0].content)
            with pytest.raises(VoiceNotFound):
                await client.synthesize(TEXT, voice="nobody")

    asyncio.run(asyncio.wait_for(go(), 60))


def test_a_player_gets_the_samples_as_they_come(client: SpeechClient) -> None:
    class Heard(Player):
        def __init__(self) -> None:
            super().__init__(24_000)
            self.pieces: list[bytes] = []

        def __enter__(self) -> Heard:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, samples: bytes) -> None:
            self.pieces.append(samples)

    heard = Heard()
    words = client.play(TEXT, voice="anna", player=heard, timed=["word"])
    assert len(heard.pieces) > 2 and len(words) == len(TEXT.split())


def test_the_command_asks_a_server(served: Front, key: str, tmp_path: Path) -> None:
    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [CLOCKTRAIN, "synthesize", "--server", served.grpc, "--text", TEXT, "--voice", "anna", *words]
        return subprocess.run(
            command, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=60
        )

    done = run("--out", str(tmp_path / "a.opus"), "--json", CLOCKTRAIN_API_KEY=key)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == (tmp_path / "a.opus").stat().st_size > 3_000
    refused = run("--out", str(tmp_path / "b.wav"))
    assert refused.returncode == 2 and refused.stderr.startswith("ApiKeyInvalid: ")
    unknown = run("--out", str(tmp_path / "b.xyz"), CLOCKTRAIN_API_KEY=key)
    assert unknown.returncode == 2 and "give one of .mp3" in unknown.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.opus"]
