"""The operator finds an attempt's bundle by what the job left in storage, in the layout of now and of before."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clock_train.storage.opening import open_storage
from voiceclone_operator.stored import stored_facts

CARD = b'{"name": "anna"}'
DIGEST = hashlib.sha256(CARD).hexdigest()


@pytest.mark.parametrize("card", ["voice.json", "voice/voice.json"])
def test_an_exported_bundle_is_found_by_the_digest_of_its_card(card: str, tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    run = "voices/runs/u1/attempt-1"
    kept = f"{run}/stages/export/bundle"
    storage.put(f"{run}/stages.json", json.dumps({"Export": {"folders": {"bundle": kept}}}).encode())
    assert stored_facts(storage, uid="u1", namespace="voices", attempt=1).bundle_digest is None
    storage.put(f"{kept}/{card}", CARD)
    assert stored_facts(storage, uid="u1", namespace="voices", attempt=1).bundle_digest is None, "not committed"
    storage.commit(f"voices/bundles/{DIGEST}", {card: CARD}, committed_at=datetime.now(UTC))
    found = stored_facts(storage, uid="u1", namespace="voices", attempt=1)
    assert (found.bundle_digest, found.bundle_key) == (DIGEST, f"voices/bundles/{DIGEST}")
