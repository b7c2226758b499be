"""The detector that anybody may ask at a gateway, and what only a reader of the log learns."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from front_process import Front, command, front  # pyright: ignore[reportMissingImports]
from served_voices import voices_in  # pyright: ignore[reportMissingImports]

pytestmark = pytest.mark.ring2
LONG_TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along. " * 6
"""A tiny voice's noise carries a payload less well than speech."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    voices_in(folder)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Front]:
    with front(folder / "voices", folder / "issuing", "--accounts", str(folder / "a.sqlite")) as running:
        yield running


def key_of(folder: Path, *scopes: str) -> str:
    given = [word for scope in scopes for word in ("--scope", scope)]
    made = [command(folder)[0], "apikeys", "create", "--tenant", "studio", "--accounts", str(folder / "a.sqlite")]
    return subprocess.run([*made, *given], capture_output=True, text=True, check=True, timeout=60).stdout.split()[0]


@pytest.fixture(scope="module")
def marked(served: Front, folder: Path) -> bytes:
    headers = {"authorization": f"Bearer {key_of(folder, 'speech:synthesize')}", "x-request-id": "to-be-found"}
    body = {"input": LONG_TEXT, "voice": "duo", "response_format": "flac"}
    return httpx.post(f"{served.http}/v1/audio/speech", json=body, headers=headers, timeout=60).content


def looked(served: Front, content: bytes, key: str | None = None) -> httpx.Response:
    headers = {"x-file-name": "a.flac"} | ({} if key is None else {"authorization": f"Bearer {key}"})
    return httpx.post(f"{served.http}/v1/watermark/detect", content=content, headers=headers, timeout=150)


def test_anybody_learns_whether_a_sound_is_marked_and_nothing_that_helps_to_take_it_out(
    served: Front, marked: bytes
) -> None:
    told = looked(served, marked).json()
    assert told["marked"] and told["chance"] == "less than one in a trillion" and told["segments"]
    assert set(told) == {"marked", "chance", "seconds", "enoughSound", "segments"}
    assert "payload" not in json.dumps(told)


def test_a_sound_of_somebody_else_is_not_marked(served: Front) -> None:
    noise = io.BytesIO()
    soundfile.write(noise, np.random.default_rng(0).normal(0, 0.1, 80_000), 16_000, format="FLAC")
    told = looked(served, noise.getvalue()).json()
    assert (told["marked"], told["chance"], told["segments"]) == (False, None, [])


def test_who_may_read_the_log_learns_everything(served: Front, folder: Path, marked: bytes) -> None:
    told: dict[str, Any] = looked(served, marked, key_of(folder, "audit:read")).json()
    assert told["detected"] and told["log10_p"] < -12 and told["payload"]
    assert [line["requestId"] for line in told["issued"]] == ["to-be-found"]


def test_a_key_for_speech_is_none_for_the_log(served: Front, folder: Path, marked: bytes) -> None:
    refused = looked(served, marked, key_of(folder, "speech:synthesize"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing")


def test_what_is_no_sound_is_told(served: Front, folder: Path) -> None:
    refused = looked(served, b"this is no sound" * 100, key_of(folder, "audit:read"))
    assert refused.status_code == 422 and refused.json()["error"]["code"].startswith("audio_")
    assert "/tmp" not in refused.text


def test_one_client_has_a_few_requests_a_minute_and_speech_goes_on(served: Front, folder: Path) -> None:
    answers = [looked(served, b"x") for _ in range(8)]
    assert answers[-1].status_code == 429 and answers[-1].json()["error"]["code"] == "detector_refused"
    assert int(answers[-1].headers["retry-after"]) > 0
    too_large = httpx.post(
        f"{served.http}/v1/watermark/detect", content=b"\0" * (21 << 20), timeout=60,
        headers={"authorization": f"Bearer {key_of(folder, 'audit:read')}"},
    )  # fmt: skip
    assert (too_large.status_code == 429 and "20 MB" not in too_large.text) or "MB" in too_large.text


def test_the_page_is_there_for_everybody(served: Front) -> None:
    answer = httpx.get(f"{served.http}/detect")
    assert answer.status_code == 200 and "Drop a sound file here" in answer.text
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
