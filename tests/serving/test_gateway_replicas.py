"""Two ``clocktrain gateway`` before one ``clocktrain triton``, on one PostgreSQL (docs/adr/0009)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_process import started  # pyright: ignore[reportMissingImports]
from gateway_process import (  # pyright: ignore[reportMissingImports]
    CLOCKTRAIN,
    environment,
    gateway_command,
    triton_command,
    voices_and_keys,
)
from postgres_server import PostgresServer  # pyright: ignore[reportMissingImports]

from clock_train.accounts.issue_chains import stored_chains
from clock_train.accounts.store import Store
from clock_train.audit.chain import read_lines, verify_chain
from clock_train.audit.log import log_files
from clock_train.serving.ports import free_port
from clock_train.watermark.payload import Payload

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along. " * 6


@dataclass
class Replicas:
    """Gateways on one database."""

    folder: Path
    accounts: str
    triton: str
    gateways: dict[str, tuple[subprocess.Popen[str], str]]
    """By name: process, and address of HTTP."""

    def run(self, *words: str) -> str:
        """A command as in the pod of a gateway."""
        variables = environment(self.folder, "one") | {"CLOCKTRAIN_ACCOUNTS": self.accounts}
        done = subprocess.run(
            [CLOCKTRAIN, *words], env=variables, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def key(self, *scopes: str) -> dict[str, str]:
        words = [word for scope in scopes for word in ("--scope", scope)]
        made = json.loads(self.run("apikeys", "create", "--tenant", "studio", "--qps", "100", *words, "--json"))
        return {"authorization": f"Bearer {made['apiKey']}"}

    def said(self, gateway: str, key: dict[str, str], request_id: str, **body: object) -> httpx.Response:
        return httpx.post(
            f"{self.gateways[gateway][1]}/v1/audio/speech",
            json={"input": "Good morning.", "voice": "duo", "response_format": "flac"} | body,
            headers=key | {"x-request-id": request_id},
            timeout=60,
        )

    def issued(self) -> dict[str, list[dict[str, Any]]]:
        """Lines of sounds of every chain, which was verified."""
        store = Store(self.accounts)
        try:
            chains = stored_chains(store.database)
            for chain in chains:
                verify_chain(chain)
            return {
                chain.name: [values for _, _, _, values in read_lines(chain) if values["kind"] == "issued"]
                for chain in chains
            }
        finally:
            store.close()


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    voices_and_keys(folder)
    with ExitStack() as stack:
        server = PostgresServer()
        stack.callback(server.close)
        found = Replicas(folder, server.new_database("doors"), "", {})
        _, told = stack.enter_context(
            started(
                triton_command(folder / "voices", free_port()), environment(folder, "triton"), folder / "triton.log"
            )
        )
        found.triton = told["triton"]
        for name in ("one", "two"):
            begin(stack, found, name)
        yield found


def begin(stack: ExitStack, replicas: Replicas, name: str) -> None:
    words = [*gateway_command(replicas.folder / "voices", replicas.triton), "--accounts", replicas.accounts]
    log = replicas.folder / f"{name}.log"
    process, doors = stack.enter_context(started(words, environment(replicas.folder, name), log))
    replicas.gateways[name] = process, doors["http"]


def test_two_gateways_give_no_number_twice_and_each_writes_a_chain_that_verifies(replicas: Replicas) -> None:
    key = replicas.key("speech:synthesize")
    asked = [
        (name, voice, f"{name}.{voice}.{n}") for n in range(4) for name in ("one", "two") for voice in ("anna", "duo")
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: replicas.said(each[0], key, each[2], voice=each[1]), asked))
    assert [answer.status_code for answer in answers] == [200] * len(asked)
    chains = replicas.issued()
    assert sorted(len(lines) for lines in chains.values()) == [8, 8]
    voices: defaultdict[int, set[str]] = defaultdict(set)
    for lines in chains.values():
        assert len({line["requestId"].partition(".")[0] for line in lines}) == 1, "a chain has one writer"
        for line in lines:
            voices[Payload.from_hex(line["payload"]).voice].add(line["voice"])
    assert sorted(map(tuple, voices.values())) == [("anna/anna",), ("duo/anna",)] and set(voices) == {1, 2}
    assert not [name for name in replicas.gateways if log_files(replicas.folder / name / "log")]


def test_a_gateway_that_is_killed_leaves_a_whole_chain_that_the_others_read(replicas: Replicas) -> None:
    speaks, reads = replicas.key("speech:synthesize"), replicas.key("audit:read")
    marked = replicas.said("one", speaks, "of-the-killed", input=TEXT).content
    process, address = replicas.gateways["one"]
    before = replicas.issued()
    with httpx.stream(
        "POST", f"{address}/v1/audio/speech", headers=speaks | {"x-request-id": "cut-off"}, timeout=60,
        json={"input": TEXT, "voice": "duo", "response_format": "pcm", "speed": 0.25},
    ) as response:  # fmt: skip
        next(response.iter_raw())
        os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    left = replicas.issued()
    (killed,) = [name for name in left if len(left[name]) == len(before[name]) + 1]
    assert left[killed][-1]["requestId"] == "cut-off", "the line was there before the sound"
    assert replicas.said("two", speaks, "after-it").status_code == 200
    told = httpx.post(
        f"{replicas.gateways['two'][1]}/v1/watermark/detect", content=marked, timeout=150,
        headers=reads | {"x-file-name": "a.flac"},
    ).json()  # fmt: skip
    ids = [line["requestId"] for line in told["issued"]]
    assert "of-the-killed" in ids and "two.duo.0" in ids, "the same voice on the same day, by either replica"


def test_a_gateway_that_comes_back_begins_a_chain_of_its_own(replicas: Replicas) -> None:
    key, before = replicas.key("speech:synthesize"), replicas.issued()
    with ExitStack() as stack:
        begin(stack, replicas, "one")
        assert replicas.said("one", key, "back", voice="anna").status_code == 200
        after = replicas.issued()
    (begun,) = set(after) - set(before)
    (line,) = after[begun]
    assert (
        Payload.from_hex(line["payload"]).voice
        == {one["voice"]: Payload.from_hex(one["payload"]).voice for lines in before.values() for one in lines}[
            line["voice"]
        ]
    )
    assert {name: after[name] for name in before} == before
    assert "3 chains fit" in replicas.run("audit", "verify")
