"""What may not be said is refused at both doors, and a voice whose check blocks is neither served nor promoted."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import grpc
import httpx
import pytest
from front_process import command, environment, front  # pyright: ignore[reportMissingImports]
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from served_voices import voices_in  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.bundle.card import card_digest
from clock_train.compliance.findings import ComplianceFinding, ComplianceReport, Severity
from clock_train.compliance.report_store import keep_report
from clock_train.issuing.installation import Installation

pytestmark = pytest.mark.ring2
SECRET = "Rumpelstilzchen"
SCAM = f"Grandma, it's me, {SECRET}. I've had an accident, please send me some money."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compliance")
    voices_in(folder, "anna")
    return folder


def test_a_refused_text_is_403_and_permission_denied_and_stands_in_no_log(folder: Path) -> None:
    (folder / "policy.yaml").write_text("impersonation: refuse\n", encoding="utf-8")
    with front(folder / "voices", folder / "issuing", "--text-policy", str(folder / "policy.yaml")) as served:
        url = f"{served.http}/v1/audio/speech"
        body = {"input": "Good morning.", "voice": "duo", "response_format": "wav"}
        assert httpx.post(url, json=body, timeout=60).status_code == 200
        answer = httpx.post(url, json=body | {"input": SCAM}, timeout=60)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "text_refused"
        with grpc.insecure_channel(served.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
            stub = speech_pb2_grpc.SpeechServiceStub(channel)
            order = speech_pb2.Utterance(text=SCAM, voice="duo")
            stub.Synthesize(speech_pb2.SynthesizeRequest(utterance=order), timeout=60)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED  # pyright: ignore[reportAttributeAccessIssue]
        status = rpc_status.from_call(refused.value)  # pyright: ignore[reportArgumentType]
        info = error_details_pb2.ErrorInfo()
        assert status is not None
        assert status.details[0].Unpack(info)
        assert info.reason == "TEXT_REFUSED"
    log = served.log_path.read_text()
    assert "refused by the text policy (impersonation)" in log
    assert SECRET not in log + answer.text


def test_a_policy_that_cannot_be_read_starts_no_server(folder: Path) -> None:
    (folder / "bad.yaml").write_text("impersonation: maybe\n", encoding="utf-8")
    ended = subprocess.run(
        command(folder / "voices", "--text-policy", str(folder / "bad.yaml")),
        env=environment(folder / "issuing"), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "TextPolicyInvalid" in ended.stderr


def test_a_voice_whose_check_blocks_is_neither_served_nor_promoted(folder: Path) -> None:
    bundle = next(path.parent for path in (folder / "voices").glob("*/voice.json"))
    finding = ComplianceFinding(code="ConsentRevoked", severity=Severity.BLOCKING, what="it was taken back")
    report = ComplianceReport(
        target=str(bundle), kind="voice", digest=card_digest(bundle), time="2026-06-01T00:00:00+00:00",
        findings=[finding],
    )  # fmt: skip
    kept = keep_report(report, Installation(folder / "issuing"))
    try:
        serve = command(bundle)
        name = json.loads((bundle / "voice.json").read_text())["name"]
        promote = [serve[0], "voices", "promote", name, str(bundle), "--serving", str(folder / "serving.json")]
        for arguments in (serve, promote):
            ended = subprocess.run(
                arguments, env=environment(folder / "issuing"), capture_output=True, text=True, timeout=90, check=False
            )
            assert ended.returncode == 2, (name, ended.stderr)
            assert "ComplianceBlocked" in ended.stderr
    finally:
        kept.unlink()
