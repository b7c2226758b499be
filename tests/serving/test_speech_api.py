"""What product teams ask of the HTTP door: six formats, events, times of words, scripts of several voices, lists."""

from __future__ import annotations

import base64
import io
import json
import struct
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import openai
import pytest
import soundfile
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import found_in, voices_in  # pyright: ignore[reportMissingImports]

from clock_train.issuing.installation import Installation
from clock_train.labels.audible import rhythm
from clock_train.labels.files import read_labels

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger. A traveller came along, wrapped in a cloak."
LONG_TEXT = f"{TEXT} " * 6
"""A tiny voice's noise carries a payload less well than speech."""
FRAME_S = {"mp3": 0.036, "aac": 0.064}
"""What these codecs put before a sound that, as a tiny voice's does, begins without silence."""
FORMATS = ["mp3", "opus", "aac", "flac", "wav", "pcm"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    voices_in(folder, "anna", "ben")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Front]:
    with front(folder / "voices", folder / "issuing") as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Front) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.http}/v1", api_key="none", max_retries=0, timeout=60)


def asked(served: Front, path: str = "", **body: object) -> httpx.Response:
    given = {"input": TEXT, "voice": "duo"} | body
    return httpx.post(f"{served.http}/v1/audio/speech{path}", json=given, timeout=60)


def seconds_of(content: bytes, format: str) -> float:
    if format == "pcm":
        return len(content) / 2 / 24_000
    with av.open(io.BytesIO(content), "r") as file:
        frames = list(file.decode(audio=0))
    return sum(frame.samples for frame in frames) / frames[0].sample_rate


def events_of(lines: Iterator[str]) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


@pytest.mark.parametrize("format", FORMATS)
def test_openais_client_gets_each_format_with_the_same_length(client: openai.OpenAI, format: Any) -> None:
    length = seconds_of(
        client.audio.speech.create(model="tts-1", voice="duo", input=TEXT, response_format="wav").content, "wav"
    )
    spoken = client.audio.speech.create(model="tts-1", voice="duo", input=TEXT, response_format=format)
    assert seconds_of(spoken.content, format) == pytest.approx(length, abs=0.06 + FRAME_S.get(format, 0))


def test_three_fields_give_an_mp3(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="duo", input=TEXT) as response:
        assert response.headers["content-type"] == "audio/mpeg"
        assert response.read()[:3] == b"ID3"


def test_a_voice_may_be_named_as_an_object(client: openai.OpenAI) -> None:
    spoken = client.audio.speech.create(model="tts-1", voice={"id": "duo@1"}, input=TEXT)
    assert len(spoken.content) > 5_000


def test_a_streamed_wav_says_its_true_length_and_the_whole_one_is_the_same(served: Front) -> None:
    streamed = asked(served, response_format="wav", seed=1)
    whole = asked(served, response_format="wav", seed=1, stream=False)
    with wave.open(io.BytesIO(streamed.content)) as file:
        assert file.getnframes() == len(file.readframes(1 << 30)) / 2 > 16_000
        seconds = file.getnframes() / file.getframerate()
    assert float(streamed.headers["x-clocktrain-audio-seconds"]) == pytest.approx(seconds, abs=1e-3)
    assert int(whole.headers["content-length"]) == len(whole.content) == len(streamed.content)


def test_a_voice_of_16_khz_has_its_own_pitch_at_24(served: Front) -> None:
    own = np.frombuffer(asked(served, response_format="pcm", sample_rate=16_000, seed=2).content, "<i2")
    usual = np.frombuffer(asked(served, response_format="pcm", seed=2).content, "<i2")
    assert len(usual) == pytest.approx(1.5 * len(own), abs=2)
    powers = [np.abs(np.fft.rfft(samples[:rate], n=rate)) ** 2 for samples, rate in ((own, 16_000), (usual, 24_000))]
    heights = [float((np.arange(7_000) * power[:7_000]).sum() / power[:7_000].sum()) for power in powers]
    assert heights[0] == pytest.approx(heights[1], rel=0.05)


@pytest.mark.parametrize("format", ["pcm", "wav", "mp3"])
def test_events_are_openais_and_their_sound_is_the_raw_one(client: openai.OpenAI, format: Any) -> None:
    order: dict[str, Any] = {"model": "gpt-4o-mini-tts", "voice": "duo", "input": TEXT, "response_format": format}
    with client.audio.speech.with_streaming_response.create(**order, stream_format="sse") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        told = events_of(response.iter_lines())
    *deltas, done = told
    assert {event["type"] for event in deltas} == {"speech.audio.delta"} and done["type"] == "speech.audio.done"
    assert done["usage"] == {"input_tokens": len(TEXT), "output_tokens": 0, "total_tokens": len(TEXT)}
    joined = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert len(deltas) > 1 and seconds_of(joined, format) == pytest.approx(
        done["audio_seconds"], abs=0.06 + FRAME_S.get(format, 0)
    )
    if format != "mp3":
        assert len(joined) == len(client.audio.speech.create(**order).content)


def test_words_come_with_the_events_in_which_they_begin(served: Front) -> None:
    body = {"input": TEXT, "voice": "duo", "response_format": "pcm", "stream_format": "sse", "timestamps": ["word"]}
    with httpx.stream("POST", f"{served.http}/v1/audio/speech", json=body, timeout=60) as response:
        *deltas, done = events_of(response.iter_lines())
    heard_s, words = 0.0, []
    for delta in deltas:
        heard_s += len(base64.b64decode(delta["audio"])) / 2 / 24_000
        words += delta.get("words", [])
        # the resampler holds some milliseconds back
        assert all(word["start"] <= heard_s + 0.05 for word in delta.get("words", []))
    assert words == done["words"] and len(words) == len(TEXT.split())


def test_a_captioned_sound_has_its_words_sentences_and_shapes(served: Front) -> None:
    response = asked(served, "/captioned", response_format="wav", timestamps=["viseme", "phone"])
    told = response.json()
    waveform, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(told["audio"])))
    assert told["duration"] == pytest.approx(len(waveform) / rate_hz, abs=1e-3)
    assert [TEXT[word["char_start"] : word["char_end"]] for word in told["words"]] == [
        word.strip(".,") for word in TEXT.split()
    ]
    assert all(0 <= one["end"] <= other["start"] + 1e-6 for one, other in pairwise(told["words"]))
    assert [sentence["sentence"] for sentence in told["sentences"]] == [
        f"{each}." for each in TEXT.strip(".").split(". ")
    ]
    assert told["sentences"][-1]["end"] == pytest.approx(told["duration"], abs=0.02)
    assert {shape["viseme"] for shape in told["visemes"]} >= {"sil", "PP", "aa"} and told["phones"]


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_times_follow_the_speed(served: Front, speed: float) -> None:
    plain = asked(served, "/captioned").json()
    other = asked(served, "/captioned", speed=speed).json()
    assert other["words"][-1]["end"] == pytest.approx(plain["words"][-1]["end"] / speed, rel=0.25)
    assert other["words"][-1]["end"] <= other["duration"]


def test_captions_come_as_files_that_players_know(served: Front) -> None:
    srt = asked(served, "/captioned", caption_format="srt")
    vtt = asked(served, "/captioned", caption_format="vtt")
    assert srt.headers["content-type"].startswith("application/x-subrip") and srt.text.startswith("1\n00:00:00,")
    assert vtt.text.startswith("WEBVTT\n\n00:00:00.")
    said = " ".join(line for line in srt.text.splitlines() if line and not line[0].isdigit())
    assert said == TEXT


def test_a_script_of_two_voices_is_one_sound_with_both_marks(served: Front, folder: Path) -> None:
    script = [{"text": LONG_TEXT, "voice": "anna"}, {"text": LONG_TEXT, "voice": "ben", "pause": 1.0, "speed": 1.1}]
    body = {"script": script, "response_format": "wav", "timestamps": ["sentence"]}
    response = httpx.post(f"{served.http}/v1/audio/speech/captioned", json=body, timeout=120)
    told = response.json()
    waveform, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(told["audio"])), dtype="float32")
    number = 2 * 6
    turn_s = told["sentences"][number]["start"]
    assert turn_s - told["sentences"][number - 1]["end"] == pytest.approx(1.0, abs=0.02)
    installation = Installation(folder / "issuing")
    found = [found_in(installation, part) for part in np.split(waveform, [int(turn_s * rate_hz)])]
    payloads = [one.payload.hex for one in found if one.payload is not None]
    assert len(set(payloads)) == 2


def test_a_louder_sound_is_louder_and_still_marked(served: Front, folder: Path) -> None:
    plain, soft = (
        soundfile.read(
            io.BytesIO(asked(served, input=LONG_TEXT, response_format="wav", volume_gain_db=gain).content),
            dtype="float32",
        )[0]
        for gain in (0, -12)
    )
    assert 20 * np.log10(np.std(soft) / np.std(plain)) == pytest.approx(-12, abs=0.5)
    assert found_in(Installation(folder / "issuing"), soft).payload is not None


@pytest.mark.parametrize("format", ["mp3", "opus", "flac", "wav", "aac"])
def test_a_streamed_file_says_what_it_is(served: Front, folder: Path, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"sound.{format}"
    path.write_bytes(asked(served, response_format=format).content)
    labels = read_labels(path)
    assert labels.claim is not None and labels.claim["requestId"]


@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_tones_that_people_hear_come_first_where_they_are_asked_for(served: Front, folder: Path, format: str) -> None:
    plain, labelled = (
        asked(served, input=LONG_TEXT, response_format=format, sample_rate=16_000, audible_label=label).content
        for label in (False, True)
    )
    seconds = seconds_of(labelled, format) - seconds_of(plain, format)
    assert seconds == pytest.approx(len(rhythm(16_000)) / 16_000, abs=0.05)
    if format == "wav":
        sound, _ = soundfile.read(io.BytesIO(labelled), dtype="float32")
        assert np.abs(sound[: len(rhythm(16_000))] - rhythm(16_000)).max() < 1e-3
        assert found_in(Installation(folder / "issuing"), sound).payload is not None


def test_fields_of_others_are_taken_and_named_or_refused_where_that_is_wished(served: Front) -> None:
    spoken = asked(served, instructions="Calmly.", lang_code="a", stream=True)
    assert spoken.headers["x-clocktrain-ignored"] == "instructions,lang_code"
    body = {"input": TEXT, "voice": "duo", "lang_code": "a"}
    strict = httpx.post(f"{served.http}/v1/audio/speech", json=body, headers={"x-clocktrain-strict": "1"}, timeout=60)
    assert (strict.status_code, strict.json()["error"]["param"]) == (400, "lang_code")


def test_open_webui_finds_models_and_voices(served: Front) -> None:
    models = httpx.get(f"{served.http}/v1/audio/models").json()["models"]
    voices = httpx.get(f"{served.http}/v1/audio/voices").json()["voices"]
    assert {"tts-1", "clocktrain"} <= {model["id"] for model in models}
    assert {voice["id"] for voice in voices} == {"anna@1", "ben@1", "duo@1"} and all(voice["name"] for voice in voices)


def test_openais_client_lists_models_and_finds_one(client: openai.OpenAI) -> None:
    assert "clocktrain" in [model.id for model in client.models.list()]
    assert client.models.retrieve("tts-1").id == "tts-1"
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("whisper-1")
    assert raised.value.code == "model_not_found"


def test_one_voice_is_described_and_an_unknown_one_is_not(served: Front) -> None:
    assert httpx.get(f"{served.http}/v1/audio/voices/duo").json()["speakers"] == ["anna", "ben"]
    assert httpx.get(f"{served.http}/v1/audio/voices/nobody").json()["error"]["code"] == "voice_not_found"


def test_a_text_is_shown_as_it_is_read(served: Front) -> None:
    body = {"input": "She has 2 cats.", "language": "en"}
    (read,) = httpx.post(f"{served.http}/v1/audio/phonemize", json=body).json()["sentences"]
    assert "two" in read["normalized"] and read["words"][0]["word"].lower() == "she"


def test_a_sound_that_has_no_end_in_its_header_is_none_of_ours(served: Front) -> None:
    content = asked(served, response_format="wav").content
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8


@pytest.mark.parametrize("content", [b'{"input": 7}', b"\xff", b"[]", b'{"input": "x", "voice": {"id": 3}}'])
def test_no_answer_to_a_mistake_shows_how_the_server_is_made(served: Front, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = httpx.post(f"{served.http}/v1/audio/speech", headers=headers, content=content)
    assert response.status_code == 400 and set(response.json()) == {"error"}
    assert not any(word in response.text for word in ("Traceback", "/platform/", "pydantic"))
