"""``clocktrain serve`` as two programs that know nothing of it: grpcurl, by reflection alone, and OpenAI's client."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import bundles_of, installation_trusting  # pyright: ignore[reportMissingImports]

from assets.build import program

pytestmark = pytest.mark.ring2
SERVICE = "clocktrain.speech.v1.SpeechService"
TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along in a cloak. " * 4


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("stock")
    bundles, key = bundles_of(folder)
    installation_trusting(folder / "issuing", key)
    with front(bundles["duo-v1"], folder / "issuing") as running:
        yield running


def grpcurl(served: Front, *words: str, given: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    data = [] if given is None else ["-d", json.dumps(given)]
    command = [str(program("grpcurl")), "-plaintext", "-max-time", "60", *data, served.grpc, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)


def called(served: Front, method: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of an answer."""
    done = grpcurl(served, f"{SERVICE}/{method}", given=given)
    assert done.returncode == 0, done.stderr
    decoder, left, messages = json.JSONDecoder(), done.stdout.strip(), []
    while left:
        message, end = decoder.raw_decode(left)
        messages.append(message)
        left = left[end:].strip()
    return messages


def test_grpcurl_lists_and_describes_the_service_without_a_proto(served: Front) -> None:
    assert {SERVICE, "grpc.health.v1.Health"} <= set(grpcurl(served, "list").stdout.split())
    methods = grpcurl(served, "list", SERVICE).stdout.split()
    names = ("ListVoices", "Synthesize", "SynthesizeLive", "SynthesizeStream")
    assert methods == [f"{SERVICE}.{name}" for name in names]
    described = grpcurl(served, "describe", "clocktrain.speech.v1.Utterance")
    assert "optional float speed = 6;" in described.stdout


def test_grpcurl_hears_a_whole_sound_and_a_stream_of_the_same_length(served: Front) -> None:
    order = {"text": TEXT, "voice": "duo/ben", "seed": 3}
    (whole,) = called(served, "Synthesize", {"utterance": order, "encoding": "AUDIO_ENCODING_WAV"})
    said = whole["format"]
    assert (said["encoding"], said["sample_rate_hz"], said["voice"]) == ("AUDIO_ENCODING_WAV", 16_000, "duo@1")
    waveform, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(whole["audio"])), dtype="int16")
    header, *parts, end = called(served, "SynthesizeStream", {"utterance": order})
    assert end["summary"]["characters"] == len(TEXT)
    streamed = np.frombuffer(b"".join(base64.b64decode(part["audio"]) for part in parts), "<i2")
    assert header["format"]["encoding"] == "AUDIO_ENCODING_PCM_S16LE" and len(parts) > 5
    assert (rate_hz, len(waveform)) == (16_000, len(streamed)) and len(waveform) > 16_000
    assert called(served, "ListVoices", {})[0]["voices"][0]["speakers"] == ["anna", "ben"]


def test_grpcurl_shows_an_error_with_its_code(served: Front) -> None:
    done = grpcurl(served, f"{SERVICE}/Synthesize", given={"utterance": {"text": "Hello.", "voice": "nobody"}})
    assert done.returncode == 64 + 5, "NOT_FOUND"
    assert 'Message: VoiceNotFound: no voice "nobody" is served here' in done.stderr
    assert '"reason": "VOICE_NOT_FOUND"' in done.stderr and '"domain": "clocktrain.dev"' in done.stderr


@pytest.fixture(scope="module")
def client(served: Front) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.http}/v1", api_key="none", max_retries=0, timeout=60)


def test_openais_client_gets_a_wav(client: openai.OpenAI, tmp_path: Path) -> None:
    spoken = client.audio.speech.create(model="tts-1", voice="duo", input=TEXT, response_format="wav")
    spoken.write_to_file(tmp_path / "spoken.wav")
    waveform, rate_hz = soundfile.read(tmp_path / "spoken.wav")
    assert rate_hz == 16_000 and len(waveform) > 16_000


def test_openais_client_hears_a_stream_as_it_is_spoken(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="duo@1", input=TEXT, response_format="pcm", speed=0.5, instructions="Calmly.",
        extra_body={"seed": 7, "language": "en"}, extra_headers={"x-request-id": "of-the-stream"},
    ) as response:  # fmt: skip
        assert response.headers["content-type"] == "audio/pcm;rate=24000;channels=1"
        assert response.headers["x-request-id"] == "of-the-stream"
        pieces = [len(piece) for piece in response.iter_bytes()]
    assert len(pieces) > 5 and sum(pieces) % 2 == 0


@pytest.mark.parametrize(
    ("given", "kind", "code", "param"),
    [
        ({"voice": "nobody"}, openai.NotFoundError, "voice_not_found", None),
        ({"input": " "}, openai.BadRequestError, "text_empty", None),
        ({"response_format": "midi"}, openai.BadRequestError, "request_invalid", "response_format"),
        ({"model": "whisper-1"}, openai.NotFoundError, "model_not_found", None),
        ({"speed": 9.0}, openai.BadRequestError, "request_invalid", "speed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_openais_client_reads_code_field_and_request_of_an_error(
    client: openai.OpenAI, given: dict[str, Any], kind: type[openai.APIStatusError], code: str, param: str | None
) -> None:
    order: dict[str, Any] = {"model": "tts-1", "voice": "duo", "input": TEXT, "response_format": "wav"} | given
    with pytest.raises(kind) as raised:
        client.audio.speech.create(**order, extra_headers={"x-request-id": "mine"})
    assert (raised.value.code, raised.value.param, raised.value.request_id) == (code, param, "mine")
