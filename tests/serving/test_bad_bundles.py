"""Bundles that may not be served, or are signed and cannot speak, in one folder with good ones."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import openai
import pytest
from footprint import descendants, regions_of  # pyright: ignore[reportMissingImports]
from front_process import Front, command, environment, front  # pyright: ignore[reportMissingImports]
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from served_voices import bundles_of, gather, installation_trusting  # pyright: ignore[reportMissingImports]
from spoiled_bundle import changed, flip, replaced, sign_again  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger."
Harm = Callable[[Path], object]
REFUSED: dict[str, tuple[Harm, str]] = {
    "damaged": (lambda b: flip(b / "decoder.onnx"), "BundleDamaged: decoder.onnx of the voice in"),
    "incomplete": (lambda b: (b / "text.onnx").unlink(), "BundleFileMissing: the voice in"),
    "unsigned": (lambda b: (b / "signature").unlink(), "BundleUnsigned: "),
    "foreign": (lambda b: sign_again(b, "another.key"), "BundleSignerUnknown: "),
    "newer": (lambda b: changed(b, schemaVersion=2), "BundleSchemaUnsupported: "),
    "otherphones": (lambda b: changed(b, phoneInventoryId="0123"), "BundleInventoryForeign: "),
}
"""Not one of them gets as far as Triton."""
UNSPEAKABLE: dict[str, tuple[Harm, str]] = {
    "garbled": (lambda b: replaced(b, "decoder.onnx", b"none"), "decoder.onnx cannot be loaded"),
    "swapped": (lambda b: replaced(b, "decoder.onnx", (b / "text.onnx").read_bytes()), "its graphs cannot be run"),
}
"""Whole, signed and trusted."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    bundles, key = bundles_of(folder, "anna")
    installation_trusting(folder / "issuing", key)
    for name, (harm, _) in (REFUSED | UNSPEAKABLE).items():
        bad = folder / name
        shutil.copytree(bundles["anna-v1"], bad)
        changed(bad, name=name)
        harm(bad)
        shutil.move(bad, folder / "voices" / name)
    gather(folder / "voices", bundles)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Front]:
    with front(folder / "voices", folder / "issuing") as running:
        yield running


def speak(served: Front, voice: str) -> httpx.Response:
    return httpx.post(f"{served.http}/v1/audio/speech", json={"input": TEXT, "voice": voice}, timeout=20)


@pytest.mark.parametrize("name", REFUSED)
def test_a_voice_that_may_not_be_served_is_named_at_the_start_and_is_not_there(served: Front, name: str) -> None:
    lines = served.log_path.read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if f'/voices/{name}"' in line]
    assert f"not served: {REFUSED[name][1]}" in line
    answer = speak(served, name)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "voice_not_found")
    assert "there are: anna@1, duo@1" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", UNSPEAKABLE)
def test_a_signed_voice_whose_graphs_fail_is_told_by_its_code_and_the_others_speak_on(served: Front, name: str) -> None:
    words = f'/{name}-v1/1/bundle" is signed, but {UNSPEAKABLE[name][1]} ('
    log = served.log_path.read_text(encoding="utf-8")
    assert f'{name}@1 is not loaded: BundleDamaged: the bundle "' in log and words in log
    triton, regions = triton_of(served), regions_of(served.process.pid)
    for _ in range(2):
        answer = speak(served, name)
        told = answer.json()["error"]
        assert (answer.status_code, told["code"], told["type"]) == (503, "bundle_damaged", "server_error")
        assert told["message"].startswith('BundleDamaged: the bundle "') and words in told["message"]
        assert answer.headers["x-should-retry"] == "false" and "retry-after" not in answer.headers
        assert speak(served, "anna").status_code == speak(served, "duo").status_code == 200
    assert triton_of(served) == triton and regions_of(served.process.pid) == regions
    assert httpx.get(f"{served.http}/readyz").status_code == 200


@pytest.mark.parametrize("name", UNSPEAKABLE)
def test_grpc_tells_it_as_a_precondition(served: Front, name: str) -> None:
    order = speech_pb2.SynthesizeStreamRequest(utterance=speech_pb2.Utterance(text=TEXT, voice=name))
    with grpc.insecure_channel(served.grpc) as channel, pytest.raises(grpc.RpcError) as raised:
        list(speech_pb2_grpc.SpeechServiceStub(channel).SynthesizeStream(order, timeout=20))
    call = raised.value
    status = rpc_status.from_call(call)  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    assert status is not None and status.details[0].Unpack(info)
    assert (status.code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION.value[0], "BUNDLE_DAMAGED")
    assert UNSPEAKABLE[name][1] in status.message


def test_openais_client_does_not_ask_again_for_a_voice_that_cannot_be_mended_by_it(served: Front) -> None:
    client = openai.OpenAI(base_url=f"{served.http}/v1", api_key="none", max_retries=3, timeout=20)
    with pytest.raises(openai.InternalServerError) as raised:
        client.audio.speech.create(
            model="tts-1", voice="garbled", input=TEXT, response_format="wav", extra_headers={"x-request-id": "once"}
        )
    assert raised.value.code == "bundle_damaged"
    assert served.log_path.read_text(encoding="utf-8").count("request once refused") == 1


def triton_of(served: Front) -> list[int]:
    pids = descendants(served.process.pid)
    return [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().startswith("tritonserver")]


@pytest.mark.parametrize(
    ("name", "words"),
    [("unsigned", REFUSED["unsigned"][1]), ("garbled", UNSPEAKABLE["garbled"][1])],
)
def test_a_server_of_one_bad_voice_does_not_start_and_says_why(folder: Path, name: str, words: str) -> None:
    done = subprocess.run(
        command(folder / "voices" / name), env=environment(folder / "issuing"), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[-1]
