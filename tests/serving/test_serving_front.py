"""``clocktrain serve`` as stock programs meet it: curl, httpx, grpcio with health and reflection, tritonclient."""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import soundfile
from asking import ask  # pyright: ignore[reportMissingImports]
from footprint import descendants  # pyright: ignore[reportMissingImports]
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from served_voices import found_in, voices_in  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.issuing.installation import Installation

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along in a cloak. " * 4
SECRET = "Rumpelstilzchen"
"""A word that no log may show."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("front")
    voices_in(folder, "anna")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Front]:
    with front(folder / "voices", folder / "issuing") as running:
        yield running


def asked(served: Front, **body: object) -> httpx.Response:
    return httpx.post(
        f"{served.http}/v1/audio/speech",
        json={"input": TEXT, "voice": "duo", "response_format": "wav"} | body,
        timeout=60,
    )


def test_curl_gets_a_wav_that_carries_the_mark_and_stands_in_the_log(served: Front, folder: Path) -> None:
    # a tiny voice's noise carries a payload less well than speech: half a minute, so that no key is too bad for it
    body = json.dumps({"model": "tts-1", "input": 3 * TEXT, "voice": "duo", "response_format": "wav"})
    done = subprocess.run(
        ["curl", "-sS", "--fail", "-H", "content-type: application/json", "-H", "x-request-id: from-curl", "-d", body,
         f"{served.http}/v1/audio/speech"], capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    waveform, rate_hz = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    installation = Installation(folder / "issuing")
    found = found_in(installation, waveform)
    assert rate_hz == 16_000 and found.payload is not None
    lines = [json.loads(line) for path in installation.log_folder.rglob("*.jsonl") for line in path.open()]
    assert next(line["payload"] for line in lines if line.get("requestId") == "from-curl") == found.payload.hex


def test_sound_comes_in_pieces_while_it_is_spoken(served: Front) -> None:
    body = {"input": TEXT * 8, "voice": "duo", "response_format": "pcm"}
    with httpx.stream("POST", f"{served.http}/v1/audio/speech", json=body, timeout=60) as response:
        assert response.headers["content-type"] == "audio/pcm;rate=24000;channels=1"
        pieces = [len(piece) for piece in response.iter_raw()]
    assert len(pieces) > 10 and sum(pieces) % 2 == 0
    assert max(pieces) < sum(pieces) / 3


def test_the_same_order_sounds_the_same_through_both_doors_and_tritons_own(served: Front) -> None:
    by_http = np.frombuffer(asked(served, response_format="pcm", seed=3, sample_rate=16_000).content, "<i2")
    with grpc.insecure_channel(served.grpc) as channel:
        order = speech_pb2.Utterance(text=TEXT, voice="duo@1", seed=3)
        stub = speech_pb2_grpc.SpeechServiceStub(channel)
        whole = stub.Synthesize(speech_pb2.SynthesizeRequest(utterance=order), timeout=60)
        stream = list(stub.SynthesizeStream(speech_pb2.SynthesizeStreamRequest(utterance=order), timeout=60))
    by_triton = ask(served.triton, "duo-v1", text=TEXT, seed=np.array([3]))
    assert [part.WhichOneof("part") for part in stream[:2]] == ["format", "audio"]
    assert whole.format.sample_rate_hz == stream[0].format.sample_rate_hz == 16_000
    streamed = np.frombuffer(b"".join(part.audio for part in stream), "<i2")
    by_grpc = np.frombuffer(whole.audio, "<i2")
    assert len(by_http) == len(by_grpc) == len(streamed) == len(by_triton)
    for other in (by_grpc, streamed, by_triton):
        # each request's mark begins elsewhere; the speech under it is one
        assert np.corrcoef(by_http, other)[0, 1] > 0.98


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"input": ""}, 400, "text_empty", None),
        ({"input": "🙂"}, 400, "text_empty", None),
        ({"input": "\x00\x07\x1b \u200b"}, 400, "text_empty", None),
        ({"input": "a" * 100_000}, 400, "text_too_long", None),
        ({"input": "the <bank|no-such-phone> is open"}, 400, "text_override_invalid", None),
        ({"input": "x", "language": "tlh"}, 400, "text_language_unsupported", None),
        ({"voice": "nobody"}, 404, "voice_not_found", None),
        ({"voice": "duo/nobody"}, 404, "voice_not_found", None),
        ({"voice": "duo\r\nset-cookie: a=b\x00"}, 404, "voice_not_found", None),
        ({"speed": 9}, 400, "request_invalid", "speed"),
        ({"speed": "fast"}, 400, "request_invalid", "speed"),
        ({"response_format": "MP3"}, 400, "request_invalid", "response_format"),
        ({"response_format": "midi"}, 400, "request_invalid", "response_format"),
        ({"stream_format": "tape"}, 400, "request_invalid", "stream_format"),
        ({"sample_rate": 12_345}, 400, "request_invalid", "sample_rate"),
        ({"volume_gain_db": 90}, 400, "request_invalid", "volume_gain_db"),
        ({"timestamps": ["gesture"]}, 400, "request_invalid", "timestamps.0"),
        ({"model": "whisper-1"}, 404, "model_not_found", None),
        ({"script": []}, 400, "request_invalid", "input"),
        ({"input": None, "voice": None, "script": []}, 400, "text_empty", None),
        ({"input": None}, 400, "request_invalid", "input"),
        ({"style": "sung"}, 400, "request_invalid", "style"),
        ({"input": "a" * 2_000_000}, 413, "request_too_large", None),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, (str, dict)) else "",
)
def test_what_cannot_be_spoken_is_refused_with_a_code(
    served: Front, body: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    response = asked(served, **body)
    assert response.status_code == status, response.text
    told = response.json()["error"]
    assert (told["code"], told["param"]) == (code, param)
    assert told["type"] == "invalid_request_error" and told["request_id"] == response.headers["x-request-id"]


def test_control_characters_among_words_are_not_spoken_and_hurt_nothing(served: Front) -> None:
    plain = asked(served, input="Good morning to you.", response_format="pcm")
    spoken = asked(served, input="\x1bGood\x00 morning\x07 to you\x7f.", response_format="pcm")
    assert (plain.status_code, spoken.status_code) == (200, 200)
    assert len(spoken.content) == len(plain.content)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_page_of_the_browser_cannot_ask(served: Front, content_type: str) -> None:
    body = json.dumps({"input": "hello", "voice": "duo"})
    address = f"{served.http}/v1/audio/speech"
    assert httpx.post(address, content=body, headers={"content-type": content_type}).status_code == 400
    # nor a name of somebody else's that was pointed at this machine
    assert httpx.post(address, json={"input": "hello"}, headers={"host": "evil.example"}).status_code == 400


def test_no_json_and_no_such_address_are_told_in_the_same_form(served: Front) -> None:
    headers = {"content-type": "application/json"}
    broken = httpx.post(f"{served.http}/v1/audio/speech", content=b"{", headers=headers)
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "request_invalid")
    nowhere = httpx.get(f"{served.http}/v2")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "request_invalid")
    # half a character: Python would take it, and no log could keep it
    half = httpx.post(
        f"{served.http}/v1/audio/speech", content=b'{"input": "a\\ud800b", "voice": "duo"}', headers=headers
    )
    assert (half.status_code, half.json()["error"]["code"]) == (400, "request_invalid")


@pytest.mark.parametrize(
    ("fields", "status", "reason", "field"),
    [
        ({"text": ""}, grpc.StatusCode.INVALID_ARGUMENT, "TEXT_EMPTY", None),
        ({"text": "\x00\x07\x1b \u200b"}, grpc.StatusCode.INVALID_ARGUMENT, "TEXT_EMPTY", None),
        ({"text": "a" * 100_000}, grpc.StatusCode.INVALID_ARGUMENT, "TEXT_TOO_LONG", None),
        ({"text": "<bank|no-such-phone>"}, grpc.StatusCode.INVALID_ARGUMENT, "TEXT_OVERRIDE_INVALID", None),
        ({"language": "tlh"}, grpc.StatusCode.INVALID_ARGUMENT, "TEXT_LANGUAGE_UNSUPPORTED", None),
        ({"voice": "nobody"}, grpc.StatusCode.NOT_FOUND, "VOICE_NOT_FOUND", None),
        ({"voice": "duo\r\nset-cookie: a=b\x00"}, grpc.StatusCode.NOT_FOUND, "VOICE_NOT_FOUND", None),
        ({"voice": ""}, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID", "utterance.voice"),
        ({"speed": 0.0}, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID", "utterance.speed"),
        ({"style": "sung"}, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID", "utterance.style"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_grpc_tells_the_same_codes_with_details(
    served: Front, fields: dict[str, Any], status: grpc.StatusCode, reason: str, field: str | None, is_streamed: bool
) -> None:
    values: dict[str, Any] = {"text": TEXT, "voice": "duo"} | fields
    order = speech_pb2.Utterance(**values)
    with grpc.insecure_channel(served.grpc) as channel, pytest.raises(grpc.RpcError) as raised:
        stub = speech_pb2_grpc.SpeechServiceStub(channel)
        how: dict[str, Any] = {"timeout": 30, "metadata": [("x-request-id", "mine")]}
        if is_streamed:
            list(stub.SynthesizeStream(speech_pb2.SynthesizeStreamRequest(utterance=order), **how))
        else:
            stub.Synthesize(speech_pb2.SynthesizeRequest(utterance=order), **how)
    call: Any = raised.value
    assert call.code() == status
    details = {each.TypeName(): each for each in rpc_status.from_call(call).details}  # type: ignore[union-attr]
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.RequestInfo()
    assert details["google.rpc.ErrorInfo"].Unpack(info) and details["google.rpc.RequestInfo"].Unpack(request)
    assert (info.reason, info.domain, request.request_id) == (reason, "clocktrain.dev", "mine")
    if field is not None:
        bad = error_details_pb2.BadRequest()
        assert details["google.rpc.BadRequest"].Unpack(bad)
        assert bad.field_violations[0].field == field


def test_what_is_no_message_of_ours_is_refused_and_the_next_one_is_heard(served: Front) -> None:
    with grpc.insecure_channel(served.grpc) as channel:
        raw = channel.unary_unary("/clocktrain.speech.v1.SpeechService/Synthesize")
        no_utf8 = b"\x0a\x04\x0a\x02\xff\xfe"
        with pytest.raises(grpc.RpcError) as broken:
            raw(no_utf8, timeout=30)
        with pytest.raises(grpc.RpcError) as large:
            raw(bytes(2_000_000), timeout=30)
        stub = speech_pb2_grpc.SpeechServiceStub(channel)
        order = speech_pb2.Utterance(text="Good morning.", voice="duo")
        assert stub.Synthesize(speech_pb2.SynthesizeRequest(utterance=order), timeout=30).audio
    calls: list[Any] = [broken.value, large.value]
    # both are grpcio's own words, before any code of ours
    assert [call.code() for call in calls] == [grpc.StatusCode.UNKNOWN, grpc.StatusCode.RESOURCE_EXHAUSTED]


def test_a_sound_too_long_for_one_message_is_refused_and_streams(served: Front) -> None:
    order = speech_pb2.Utterance(text=(TEXT * 20)[:4_900], voice="duo", speed=0.25)
    with grpc.insecure_channel(served.grpc) as channel:
        stub = speech_pb2_grpc.SpeechServiceStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            stub.Synthesize(speech_pb2.SynthesizeRequest(utterance=order), timeout=120)
        call: Any = raised.value
        assert call.code() == grpc.StatusCode.OUT_OF_RANGE and call.details().startswith("SpeechTooLong: ")
        request = speech_pb2.SynthesizeStreamRequest(utterance=order)
        assert sum(len(part.audio) for part in stub.SynthesizeStream(request, timeout=120)) > 3_500_000


def test_a_stranger_finds_service_and_messages_by_reflection_alone(served: Front) -> None:
    with grpc.insecure_channel(served.grpc) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert set(database.get_services()) == {
            "clocktrain.speech.v1.SpeechService", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection",
        }  # fmt: skip
        pool = descriptor_pool.DescriptorPool(database)
        method = pool.FindServiceByName("clocktrain.speech.v1.SpeechService").methods_by_name["ListVoices"]
        call = channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=message_factory.GetMessageClass(method.input_type).SerializeToString,
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        answer: Any = call(message_factory.GetMessageClass(method.input_type)(), timeout=10)
    assert [(voice.name, list(voice.speakers)) for voice in answer.voices] == [
        ("anna", ["anna", "ben"]),
        ("duo", ["anna", "ben"]),
    ]


def test_probes_and_the_list_of_voices_answer(served: Front) -> None:
    assert httpx.get(f"{served.http}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{served.http}/readyz").json() == {"status": "ready"}
    assert [voice["id"] for voice in httpx.get(f"{served.http}/v1/audio/voices").json()["voices"]] == [
        "anna@1",
        "duo@1",
    ]
    with grpc.insecure_channel(served.grpc) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", "clocktrain.speech.v1.SpeechService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_neither_text_nor_a_key_is_in_any_log(served: Front, folder: Path) -> None:
    headers = {"authorization": f"Bearer {SECRET}"}
    for words in (SECRET, f"<{SECRET}|no-phone>"):
        body = {"input": words, "voice": "duo"}
        httpx.post(f"{served.http}/v1/audio/speech", json=body, headers=headers, timeout=60)
    httpx.post(f"{served.http}/v1/audio/speech", content=f'{{"input": "{SECRET}', headers=headers)
    logs = [served.log_path, *(folder / "issuing" / "log").rglob("*")]
    triton_pid = next(pid for pid in descendants(served.process.pid) if "tritonserver" in program(pid))
    logs.append(Path(f"/proc/{triton_pid}/fd/2"))  # where it writes
    said = "".join(path.read_text(encoding="utf-8") for path in logs if path.is_file())
    assert "TEXT_OVERRIDE_INVALID" in said and "successfully loaded" in said, "the logs were read"
    assert SECRET not in said


def program(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]


def test_no_process_of_a_server_has_torch(served: Front) -> None:
    processes = descendants(served.process.pid)
    assert len(processes) >= 4, "front, guard, Triton, a voice"
    for pid in processes:
        assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text(), program(pid)


def test_a_client_that_goes_away_stops_its_speech(served: Front) -> None:
    body = {"input": (TEXT * 20)[:4_900], "voice": "duo", "speed": 0.25, "response_format": "pcm"}
    headers = {"x-request-id": "gone-early"}
    with httpx.stream("POST", f"{served.http}/v1/audio/speech", json=body, headers=headers, timeout=60) as response:
        next(response.iter_raw())
    until = time.monotonic() + 20
    while "gone-early left" not in served.log_path.read_text():
        assert time.monotonic() < until, served.log_path.read_text()[-2_000:]
        time.sleep(0.05)
