"""A server of voices ships its signed log, and what is in a sound is found by the copy."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from front_process import front  # pyright: ignore[reportMissingImports]
from served_voices import voices_in  # pyright: ignore[reportMissingImports]

from clock_train.audit.log import FolderChain, read_lines
from clock_train.audit.shipping import compare
from clock_train.storage.opening import open_storage

pytestmark = pytest.mark.ring2


def test_every_sound_of_a_server_has_its_line_in_the_copy(tmp_path: Path) -> None:
    voices_in(tmp_path)
    more = ("--ship-log", str(tmp_path / "copy"), "--ship-log-as", "acme")
    with front(tmp_path / "voices", tmp_path / "issuing", *more) as running:
        body = {"input": "Good morning.", "voice": "duo"}
        for name in ("one", "two"):
            headers = {"x-request-id": name}
            httpx.post(f"{running.http}/v1/audio/speech", json=body, headers=headers, timeout=60).raise_for_status()
    log = tmp_path / "issuing" / "log"
    assert compare(FolderChain(log), open_storage(tmp_path / "copy"), "acme/audit") == 1
    copied = [line for _, _, _, line in read_lines(tmp_path / "copy" / "acme" / "audit")]
    assert {"one", "two"} <= {line.get("requestId") for line in copied}
