"""What speakers agreed to, at both doors: purposes, territories, dates, and a consent that is taken back meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import httpx
import openai
import pytest
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from served_voices import voices_in  # pyright: ignore[reportMissingImports]
from test_keys_and_quotas import Guarded, client_of, guarded, run  # pyright: ignore[reportMissingImports]
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.audit.accesses import accesses_of
from clock_train.audit.log import chains_in
from clock_train.consent.record import ConsentRecord
from clock_train.consent.rules import Grant
from clock_train.issuing.installation import Installation

pytestmark = pytest.mark.ring2
LATER = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds")
LONG = "The north wind and the sun were disputing which was the stronger. " * 70


def consent(name: str, *, purposes: list[str], territories: list[str], until: str = LATER) -> ConsentRecord:
    return ConsentRecord(
        id=f"{name}-2026",
        kind="statement",
        speaker_id=name,
        purposes=purposes,
        territories=territories,
        expiration_time=until,
        text_version="statement-1",
        statement="I agree.",
        statement_sha256=name.encode().hex().ljust(64, "0"),
        recordings_sha256="ab" * 32,
    )


RECORDS = {
    "anna": consent("anna", purposes=["customer-service"], territories=["CN", "DE"]),
    "ben": consent("ben", purposes=["customer-service", "demonstration"], territories=["worldwide"]),
    "carl": consent("carl", purposes=["demonstration"], territories=["worldwide"]),
    "dora": consent("dora", purposes=["demonstration"], territories=["worldwide"], until="2026-01-01T00:00:00+00:00"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agreed")
    voices_in(folder, *RECORDS, consents={name: Grant.of(record) for name, record in RECORDS.items()})
    registry = Installation(folder / "issuing").consents()
    for record in RECORDS.values():
        registry.keep(record)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Guarded]:
    with guarded(folder) as running:
        yield running


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    told = answer.json()["error"]
    assert answer.status_code == 403 and told["type"] == "permission_error"
    return answer.status_code, told["code"], told["message"]


def test_a_key_speaks_for_the_purpose_and_in_the_territory_that_were_agreed_to(served: Guarded) -> None:
    key = served.key("--purpose", "customer-service", "--territory", "CN")
    assert served.ask(key, voice="anna").status_code == 200
    assert served.ask(key, voice="ben").status_code == 200


def test_the_log_says_which_key_spoke_and_that_the_server_read_the_voice_before(served: Guarded) -> None:
    key = served.key("--purpose", "customer-service", "--territory", "DE")
    said = served.ask(key, voice="anna")
    chains = chains_in(served.folder / "issuing" / "log")
    found = list(accesses_of(chains, name="anna"))
    (spoken,) = [line for line in found if (line.request_id or "").startswith(said.headers["x-request-id"])]
    assert spoken.by.startswith("key:") and key not in spoken.by
    listed = json.loads(run(served.accounts, "apikeys", "list", "--json"))
    assert spoken.by.removeprefix("key:") in {each["id"] for each in listed}
    assert (found[0].access, found[0].by, found[0].voice) == ("load", "server", "anna@1")


@pytest.mark.parametrize(
    ("uses", "what"),
    [
        (["--purpose", "advertising", "--territory", "CN"], 'the purpose "advertising"; it covers customer-service'),
        (["--purpose", "customer-service", "--territory", "US"], 'the territory "US"; it covers CN, DE'),
        (["--purpose", "customer-service"], 'the territory "worldwide"'),
        ([], 'the purpose "demonstration"'),
    ],
)
def test_another_use_is_refused_and_the_refusal_says_why(served: Guarded, uses: list[str], what: str) -> None:
    _, code, message = refusal(served.ask(served.key(*uses), voice="anna"))
    assert code == "consent_exceeded" and what in message and '"anna-2026"' in message


def test_grpc_refuses_with_the_same_code(served: Guarded) -> None:
    key = served.key("--purpose", "advertising")
    with grpc.insecure_channel(served.front.grpc) as channel:
        asked = speech_pb2.SynthesizeRequest(utterance=speech_pb2.Utterance(text="Hello.", voice="anna"))
        with pytest.raises(grpc.RpcError) as refused:
            speech_pb2_grpc.SpeechServiceStub(channel).Synthesize(
                asked, metadata=[("authorization", f"Bearer {key}")], timeout=30
            )
    status = rpc_status.from_call(refused.value)  # pyright: ignore[reportArgumentType]
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details if detail.Is(info.DESCRIPTOR))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED and info.reason == "CONSENT_EXCEEDED"


def test_a_voice_that_nobody_agreed_to_is_for_demonstrations(served: Guarded) -> None:
    assert served.ask(served.key(), voice="duo").status_code == 200
    _, code, message = refusal(served.ask(served.key("--purpose", "customer-service"), voice="duo"))
    assert code == "consent_exceeded" and "it covers demonstration" in message


def test_a_consent_that_has_ended_ends_the_voice(served: Guarded) -> None:
    _, code, message = refusal(served.ask(served.key(), voice="dora"))
    assert code == "consent_expired" and "2026-01-01" in message


def test_one_line_of_a_script_is_enough_to_refuse_it(served: Guarded) -> None:
    key = served.key("--purpose", "customer-service", "--territory", "CN")
    ssml = '<speak><voice name="anna">Hello.</voice><voice name="carl">Hello.</voice></speak>'
    answer = served.ask(key, voice="anna", input=ssml, input_type="ssml")
    _, code, message = refusal(answer)
    assert code == "consent_exceeded" and '"carl-2026"' in message


def test_a_rotated_key_keeps_what_it_is_for(served: Guarded) -> None:
    key = served.key("--purpose", "customer-service", "--territory", "CN")
    rotated = json.loads(run(served.accounts, "apikeys", "rotate", key.split("_")[2], "--json"))
    assert rotated["purposes"] == ["customer-service"] and rotated["territories"] == ["CN"]
    assert served.ask(rotated["apiKey"], voice="anna").status_code == 200


def test_without_keys_the_server_says_what_speech_is_for(folder: Path) -> None:
    uses = ("--purpose", "customer-service", "--territory", "DE")
    with front(folder / "voices", folder / "issuing", *uses) as running:
        assert spoken(running, "anna").status_code == 200
        assert refusal(spoken(running, "carl"))[1] == "consent_exceeded"


def test_openais_client_reads_the_consents_of_the_voices_that_its_key_may_hear(served: Guarded) -> None:
    client = client_of(served, served.key("--scope", "voices:read", "--voice", "anna", "--voice", "d*"))
    listed = list(client.audio.voice_consents.list(limit=1))  # page by page
    assert [(each.id, each.name, each.object) for each in listed] == [
        ("anna-2026", "anna, ben", "audio.voice_consent"),
        ("dora-2026", "anna, ben", "audio.voice_consent"),
    ]
    one = client.audio.voice_consents.retrieve("anna-2026").model_dump()
    assert (one["purposes"], one["territories"], one["in_force"]) == (["customer-service"], ["CN", "DE"], True)
    assert client.audio.voice_consents.retrieve("dora-2026").model_dump()["in_force"] is False
    with pytest.raises(openai.NotFoundError) as raised:
        client.audio.voice_consents.retrieve("ben-2026")
    assert raised.value.code == "consent_missing"
    with pytest.raises(openai.BadRequestError, match="from 1 to 100"):
        client.audio.voice_consents.list(limit=1000)


def test_a_gateway_makes_and_erases_nothing_and_says_who_does(served: Guarded) -> None:
    admin = client_of(served, served.key("--scope", "voices:admin"), max_retries=0)
    for made in (
        lambda: admin.post("/audio/voices", body={"name": "eve"}, cast_to=object),
        lambda: admin.post("/audio/voice_consents", body={"name": "eve"}, cast_to=object),
        lambda: admin.audio.voice_consents.update("anna-2026", name="eve"),
    ):
        with pytest.raises(openai.PermissionDeniedError, match="clocktrain consent record") as raised:
            made()
        assert raised.value.code == "voice_made_by_clone"
    for erased in (
        lambda: admin.delete("/audio/voices/anna", cast_to=object),
        lambda: admin.audio.voice_consents.delete("anna-2026"),
    ):
        with pytest.raises(openai.PermissionDeniedError, match="clocktrain erase voice") as raised:
            erased()
        assert raised.value.code == "voice_erasure_by_command"
    reader = client_of(served, served.key("--scope", "voices:read"))
    with pytest.raises(openai.PermissionDeniedError) as raised:
        reader.delete("/audio/voices/anna", cast_to=object)
    assert raised.value.code == "scope_missing"


def test_a_consent_that_is_taken_back_silences_the_voice_within_seconds_also_in_the_middle_of_a_sound(
    folder: Path,
) -> None:
    registry = Installation(folder / "issuing").consents()
    with front(folder / "voices", folder / "issuing") as running:
        assert spoken(running, "carl").status_code == 200
        body = {"input": LONG, "voice": "carl", "response_format": "pcm"}
        whole = len(httpx.post(f"{running.http}/v1/audio/speech", json=body, timeout=120).content)
        heard = 0
        with httpx.stream("POST", f"{running.http}/v1/audio/speech", json=body, timeout=60) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.HTTPError):
                for number, chunk in enumerate(answer.iter_raw(4096)):
                    heard += len(chunk)
                    if number == 1:
                        registry.revoke("carl-2026", now=datetime.now(UTC))
                        until(lambda: refused(running), "it is refused", within_s=10)
        assert 0 < heard < whole
        assert refusal(spoken(running, "carl"))[1] == "consent_revoked"
        assert spoken(running, "duo").status_code == 200
    with front(folder / "voices", folder / "issuing") as running:  # and after a restart
        assert refusal(spoken(running, "carl"))[1] == "consent_revoked"


def refused(running: Front) -> bool:
    return spoken(running, "carl").status_code == 403


def spoken(running: Front, voice: str) -> httpx.Response:
    body = {"input": "Hello there.", "voice": voice, "response_format": "pcm"}
    return httpx.post(f"{running.http}/v1/audio/speech", json=body, timeout=60)
