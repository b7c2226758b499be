"""Keys, quotas and metering at both doors, as product teams and their clients meet them."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import openai
import pytest
from front_process import Front, command, environment, front  # pyright: ignore[reportMissingImports]
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from served_voices import voices_in  # pyright: ignore[reportMissingImports]
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc

pytestmark = pytest.mark.ring2
CLOCKTRAIN = str(Path(sys.executable).with_name("clocktrain"))
TEXT = "The north wind and the sun were disputing which was the stronger."


@dataclass
class Guarded:
    """A server that asks for keys."""

    front: Front
    accounts: Path
    folder: Path

    def key(self, *words: str) -> str:
        return json.loads(run(self.accounts, "apikeys", "create", "--tenant", "studio", *words, "--json"))["apiKey"]

    def ask(self, key: str | None, **body: object) -> httpx.Response:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        given = {"input": TEXT, "voice": "duo", "response_format": "pcm"} | body
        return httpx.post(f"{self.front.http}/v1/audio/speech", json=given, headers=headers, timeout=60)

    def usage(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(run(self.accounts, "usage", "--csv"))))


def run(accounts: Path, *words: str) -> str:
    command = [CLOCKTRAIN, *words, "--accounts", str(accounts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def guarded(folder: Path, *more: str) -> Iterator[Guarded]:
    accounts = folder / "accounts.sqlite"
    with front(folder / "voices", folder / "issuing", "--accounts", str(accounts), *more) as running:
        yield Guarded(running, accounts, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guarded")
    voices_in(folder, "anna")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Guarded]:
    with guarded(folder) as running:
        yield running


def client_of(served: Guarded, key: str, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.front.http}/v1", api_key=key, timeout=60, **more)


@pytest.mark.parametrize("key", [None, "ct_live_nobodyxx_" + "a" * 43, "sk-1234", "x" * 10_000])
def test_nobody_speaks_without_a_key(served: Guarded, key: str | None) -> None:
    refused = served.ask(key)
    told = refused.json()["error"]
    assert (refused.status_code, told["code"], told["type"]) == (401, "api_key_invalid", "authentication_error")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert key is None or key not in refused.text


def test_a_key_speaks_and_its_use_is_counted_as_it_was_asked_for(served: Guarded) -> None:
    key = served.key("--note", "counted")
    spoken = [served.ask(key, input=text) for text in (TEXT, "Good morning.", "One two three.")]
    assert [each.status_code for each in spoken] == [200] * 3
    seconds = sum(len(each.content) / 2 / 24_000 for each in spoken)

    def counted() -> list[dict[str, str]]:
        return [row for row in served.usage() if row["key"] == key.split("_")[2] and row["requests"]]

    until(lambda: sum(int(row["requests"]) for row in counted()) == 3, "usage is written")
    (row,) = counted()
    assert (row["tenant"], row["voice"]) == ("studio", "duo")
    assert int(row["characters"]) == len(TEXT) + len("Good morning.") + len("One two three.")
    assert float(row["audio_seconds"]) == pytest.approx(seconds, abs=0.05)


def test_a_tenant_reads_its_own_use_and_no_other(served: Guarded) -> None:
    mine, other = served.key("--scope", "speech:synthesize", "--scope", "usage:read"), served.key()
    served.ask(mine)
    served.ask(other)
    headers = {"authorization": f"Bearer {mine}"}
    address = f"{served.front.http}/v1/usage"

    def keys_counted() -> set[str]:
        return {row["key"] for row in httpx.get(address, headers=headers).json()["data"]}

    until(lambda: {mine.split("_")[2], other.split("_")[2]} <= keys_counted(), "both keys of the tenant are there")
    alien = json.loads(
        run(served.accounts, "apikeys", "create", "--tenant", "rival", "--scope", "usage:read", "--json")
    )["apiKey"]
    assert httpx.get(address, headers={"authorization": f"Bearer {alien}"}).json()["data"] == []
    table = httpx.get(address, params={"format": "csv"}, headers=headers)
    assert table.headers["content-type"].startswith("text/csv") and table.text.startswith("day,tenant,key,voice,")
    assert httpx.get(address, headers={"authorization": f"Bearer {other}"}).status_code == 403
    wrong = httpx.get(address, params={"since": "yesterday"}, headers=headers)
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "since")


@pytest.mark.parametrize(
    ("words", "path", "method"),
    [
        (("--scope", "voices:read"), "/v1/audio/speech", "POST"),
        (("--scope", "speech:synthesize"), "/v1/audio/voices", "GET"),
    ],
)
def test_a_key_does_what_its_scopes_say_and_no_more(
    served: Guarded, words: tuple[str, ...], path: str, method: str
) -> None:
    headers = {"authorization": f"Bearer {served.key(*words)}"}
    body = {"input": TEXT, "voice": "duo"} if method == "POST" else None
    refused = httpx.request(method, f"{served.front.http}{path}", json=body, headers=headers, timeout=60)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing")
    assert refused.json()["error"]["type"] == "permission_error"


def test_a_voice_that_a_key_may_not_hear_is_not_there_for_it(served: Guarded) -> None:
    key = served.key("--voice", "ann*")
    hidden, absent = served.ask(key, voice="duo"), served.ask(key, voice="dux")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json()["error"]["message"].replace("duo", "dux") == absent.json()["error"]["message"]
    assert served.ask(key, voice="anna").status_code == 200
    listed = httpx.get(f"{served.front.http}/v1/audio/voices", headers={"authorization": f"Bearer {key}"}).json()
    assert [voice["name"] for voice in listed["voices"]] == ["anna"]
    script = [{"text": TEXT, "voice": "anna"}, {"text": TEXT, "voice": "duo"}]
    assert served.ask(key, input=None, voice=None, script=script).status_code == 404


def test_openais_client_waits_out_a_limit_of_requests_by_itself(served: Guarded) -> None:
    key = served.key("--qps", "1")
    refused = [each for each in (served.ask(key, input="Hello.") for _ in range(6)) if each.status_code == 429]
    assert refused
    first = refused[0]
    assert first.json()["error"]["code"] == "rate_limit_exceeded" and first.headers["retry-after"] == "1"
    assert 0 < int(first.headers["retry-after-ms"]) <= 1000
    assert first.headers["ratelimit-policy"] == '"qps";q=1;w=1' and first.headers["ratelimit"].startswith('"qps";r=0;')
    client = client_of(served, key, max_retries=8)
    assert all(client.audio.speech.create(model="tts-1", voice="duo", input="Hello.").content for _ in range(3))


def test_a_day_that_is_used_up_is_not_asked_for_again(served: Guarded) -> None:
    key = served.key("--characters-a-day", "30", "--qps", "50")
    assert served.ask(key, input="A first sentence.").headers["x-clocktrain-quota-characters-remaining"] == "13"
    with pytest.raises(openai.RateLimitError) as raised:
        client_of(served, key, max_retries=2).audio.speech.create(model="tts-1", voice="duo", input="And a second one.")
    told = raised.value
    assert (told.code, told.type) == ("quota_exhausted", "insufficient_quota")
    assert told.response.headers["x-should-retry"] == "false"
    assert told.response.request.headers["x-stainless-retry-count"] == "0"
    assert served.ask(key, input="Hello there.").status_code == 200, "what was refused took nothing"


def test_what_could_not_be_spoken_costs_nothing(served: Guarded) -> None:
    key = served.key("--characters-a-day", "40", "--qps", "50")
    for _ in range(3):
        assert served.ask(key, input="🙂" * 20).json()["error"]["code"] == "text_empty"
    assert served.ask(key, input="x" * 40).status_code == 200


def test_a_revoked_key_is_refused_within_seconds(served: Guarded) -> None:
    key = served.key()
    assert served.ask(key).status_code == 200
    run(served.accounts, "apikeys", "revoke", key.split("_")[2])
    until(lambda: served.ask(key, input="Hello.").status_code == 401, "it is refused", within_s=6)


def test_grpc_takes_the_same_key_and_tells_a_limit_in_its_own_words(served: Guarded) -> None:
    key = served.key("--characters-a-day", "10", "--qps", "50")
    with grpc.insecure_channel(served.front.grpc) as channel:
        stub = speech_pb2_grpc.SpeechServiceStub(channel)
        request = speech_pb2.SynthesizeRequest(utterance=speech_pb2.Utterance(text="Hello.", voice="duo"))
        with pytest.raises(grpc.RpcError) as nobody:
            stub.Synthesize(request, timeout=60)
        assert nobody.value.code() is grpc.StatusCode.UNAUTHENTICATED  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(grpc.RpcError) as unlisted:
            stub.ListVoices(speech_pb2.ListVoicesRequest(), timeout=60)
        assert unlisted.value.code() is grpc.StatusCode.UNAUTHENTICATED  # pyright: ignore[reportAttributeAccessIssue]
        metadata = [("authorization", f"Bearer {key}")]
        assert stub.Synthesize(request, timeout=60, metadata=metadata).summary.characters == 6
        with pytest.raises(grpc.RpcError) as used_up:
            stub.Synthesize(request, timeout=60, metadata=metadata)
    status = rpc_status.from_call(used_up.value)  # pyright: ignore[reportArgumentType]
    assert status is not None and used_up.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # pyright: ignore[reportAttributeAccessIssue]
    kinds = {detail.TypeName() for detail in status.details}
    assert kinds >= {"google.rpc.QuotaFailure", "google.rpc.RetryInfo", "google.rpc.ErrorInfo"}
    retry = error_details_pb2.RetryInfo()
    next(detail for detail in status.details if detail.TypeName() == "google.rpc.RetryInfo").Unpack(retry)
    assert 0 < retry.retry_delay.seconds <= 86_400


def test_no_key_and_no_text_is_in_the_log(served: Guarded) -> None:
    key = served.key()
    served.ask(key, input="Rumpelstilzchen is my name.")
    served.ask(key[:-1] + ("a" if key[-1] != "a" else "b"), input="Rumpelstilzchen is my name.")
    log = served.front.log_path.read_text()
    assert "request " in log and "Rumpel" not in log and key.split("_", 3)[3][:20] not in log


def test_lists_may_be_open_to_pages_that_send_no_key(folder: Path) -> None:
    with guarded(folder, "--open-lists") as running:
        assert httpx.get(f"{running.front.http}/v1/audio/voices").status_code == 200
        assert httpx.get(f"{running.front.http}/v1/audio/models").status_code == 200
        assert running.ask(None).status_code == 401
        wrong = {"authorization": "Bearer ct_live_nobodyxx_" + "a" * 43}
        assert httpx.get(f"{running.front.http}/v1/audio/voices", headers=wrong).status_code == 401


def test_a_server_that_others_reach_starts_with_keys_only(folder: Path, tmp_path: Path) -> None:
    arguments = command(folder / "voices", "--host", "0.0.0.0")
    done = subprocess.run(
        arguments, env=environment(folder / "issuing"), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2 and done.stderr.startswith("AccountsMissing: ") and "--without-keys" in done.stderr


def test_a_server_killed_loses_a_second_of_usage_at_most_and_says_what_it_may_have_lost(
    folder: Path, tmp_path: Path
) -> None:
    accounts = tmp_path / "accounts.sqlite"
    with front(folder / "voices", folder / "issuing", "--accounts", str(accounts)) as running:
        served = Guarded(running, accounts, folder)
        key = served.key()
        assert served.ask(key).status_code == 200
        time.sleep(2.5)  # a flush and a half
        with httpx.stream(
            "POST", f"{running.http}/v1/audio/speech", timeout=60, headers={"authorization": f"Bearer {key}"},
            json={"input": f"{TEXT} " * 20, "voice": "duo", "response_format": "pcm", "speed": 0.25},
        ) as response:  # fmt: skip
            next(response.iter_raw())
            os.kill(running.process.pid, signal.SIGKILL)
    (row,) = [row for row in served.usage() if row["requests"]]
    assert int(row["characters"]) == len(TEXT)
    with front(folder / "voices", folder / "issuing", "--accounts", str(accounts)) as again:
        until(lambda: "unsettled" in again.log_path.read_text(), "what was lost is said", within_s=40)
    lost = [int(row["unsettled"]) for row in served.usage() if row["unsettled"]]
    assert sum(lost) == len(f"{TEXT} " * 20)
