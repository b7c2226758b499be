"""``clocktrain gateway`` before ``clocktrain triton``: two programs with folders of their own and the same keys."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import soundfile
from asking import ask  # pyright: ignore[reportMissingImports]
from footprint import descendants  # pyright: ignore[reportMissingImports]
from front_process import started  # pyright: ignore[reportMissingImports]
from gateway_process import (  # pyright: ignore[reportMissingImports]
    environment,
    gateway_command,
    triton_command,
    voices_and_keys,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc
from served_voices import found_in  # pyright: ignore[reportMissingImports]
from spoiled_bundle import replaced  # pyright: ignore[reportMissingImports]
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.bundle.opening import DECODER_GRAPH
from clock_train.errors import ServerUnavailable, VoiceLoadFailed
from clock_train.issuing.installation import Installation
from clock_train.serving.ports import free_port
from clock_train.serving.remote_triton import RemoteTriton
from clock_train.serving.voice_process import find_voice_process

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along in a cloak. " * 12


@dataclass
class Platform:
    """A Triton and a gateway before it."""

    folder: Path
    triton: subprocess.Popen[str]
    gateway: subprocess.Popen[str]
    doors: dict[str, Any]

    def said(self, **body: object) -> httpx.Response:
        return httpx.post(
            f"{self.doors['http']}/v1/audio/speech",
            json={"input": TEXT, "voice": "duo", "response_format": "wav"} | body,
            timeout=60,
        )

    @property
    def is_ready(self) -> bool:
        return httpx.get(f"{self.doors['http']}/readyz").status_code == 200


def tritonserver(platform: Platform) -> int:
    pids = descendants(platform.triton.pid)
    (server,) = [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text() == "tritonserver\n"]
    return server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gateway")
    voices_and_keys(folder)
    return folder


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Platform]:
    with contextlib.ExitStack() as stack:
        triton, told = stack.enter_context(
            started(
                triton_command(folder / "voices", free_port()), environment(folder, "triton"), folder / "triton.log"
            )
        )
        assert told["voices"] == ["anna@1", "duo@1"]
        gateway, doors = stack.enter_context(
            started(
                gateway_command(folder / "voices", told["triton"]),
                environment(folder, "gateway"),
                folder / "gateway.log",
            )
        )
        yield Platform(folder, triton, gateway, doors)


def test_speech_is_marked_there_and_logged_here(
    platform: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waveform, rate_hz = soundfile.read(io.BytesIO(platform.said().content), dtype="float32")
    monkeypatch.setenv("CLOCKTRAIN_KEYS", str(folder / "keys"))
    gateway = Installation(folder / "gateway")
    found = found_in(gateway, waveform)
    assert rate_hz == 16_000 and found.payload is not None
    lines = [json.loads(line) for path in gateway.log_folder.rglob("*.jsonl") for line in path.open()]
    assert found.payload.hex in {line.get("payload") for line in lines}
    assert not list(Installation(folder / "triton").log_folder.rglob("*.jsonl"))


def test_who_goes_past_the_gateway_hears_marked_sound_and_stands_in_tritons_log(platform: Platform) -> None:
    ask(platform.doors["triton"], "duo-v1", text="Good morning.")
    assert list(Installation(platform.folder / "triton").log_folder.rglob("*.jsonl"))


def test_nobody_steers_triton_but_its_own_process(platform: Platform) -> None:
    with (
        contextlib.closing(InferenceServerClient(platform.doors["triton"])) as stock,
        pytest.raises(InferenceServerException, match="restricted"),
    ):
        stock.unload_model("duo-v1")


def test_the_gateway_holds_no_graphs_and_starts_nobody(platform: Platform) -> None:
    assert descendants(platform.gateway.pid) == [platform.gateway.pid]
    opened = {os.readlink(path) for path in Path(f"/proc/{platform.gateway.pid}/fd").iterdir()}
    assert not [name for name in opened if name.endswith(".onnx")]


def test_triton_answers_the_health_service_that_probes_ask(platform: Platform) -> None:
    with grpc.insecure_channel(platform.doors["triton"]) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(  # pyright: ignore[reportAttributeAccessIssue]
            health_pb2.HealthCheckRequest(), timeout=10
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_tritonserver_that_is_killed_is_back_with_its_voices(platform: Platform) -> None:
    os.kill(tritonserver(platform), signal.SIGKILL)
    until(lambda: not platform.is_ready, "the gateway says that it is not ready")
    until(lambda: platform.is_ready, "it is ready again")
    assert platform.said().status_code == 200
    assert platform.said(voice="anna").status_code == 200


def test_a_voices_process_that_is_killed_is_loaded_again_by_triton(platform: Platform) -> None:
    for model in ("anna-v1", "duo-v1"):
        pid = find_voice_process(tritonserver(platform), model)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    until(lambda: platform.said(input="Good morning.").status_code == 200, "duo speaks again")
    until(lambda: platform.said(input="Good morning.", voice="anna").status_code == 200, "anna speaks again")


def test_where_no_triton_answers_it_says_so_and_ends() -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        contextlib.closing(RemoteTriton(address, patience_s=0.5)) as triton,
        pytest.raises(
            ServerUnavailable, match=f"no speech server answers at {address}; start one there with clocktrain"
        ),
    ):
        triton.load("duo-v1")


def test_a_voice_that_triton_has_not_is_named(platform: Platform) -> None:
    with (
        contextlib.closing(RemoteTriton(platform.doors["triton"], patience_s=0.5)) as triton,
        pytest.raises(VoiceLoadFailed, match=r'does not have "ben-v1"; give it the same --voices'),
    ):
        triton.load("ben-v1")


def test_a_broken_voice_is_said_and_keeps_none_of_the_others_away(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "voices", tmp_path / "voices")
    shutil.copy(folder / "signing.key", tmp_path / "voices")
    replaced(tmp_path / "voices" / "duo-v1", DECODER_GRAPH, b"no graph")
    with started(
        triton_command(tmp_path / "voices", free_port()), environment(folder, "triton-2"), tmp_path / "triton.log"
    ) as (_, told):
        assert told["voices"] == ["anna@1"]
    assert "duo@1 is not loaded: BundleDamaged" in (tmp_path / "triton.log").read_text()
