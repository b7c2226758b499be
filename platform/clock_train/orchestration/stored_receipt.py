"""Receipts that the cluster's erasing jobs keep in the store itself, and the key by which they are signed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from clock_train.audit.signing import Signer
from clock_train.erasure.belonging import parsed
from clock_train.erasure.receipt import Receipt, read_receipt
from clock_train.errors import ReceiptForged, ReceiptInvalid, StorageNotFound
from clock_train.issuing.installation import KEYS_VARIABLE, SIGNING_KEY
from clock_train.storage.opening import Storage


def begun(storage: Storage, key: str, signer: Signer, *, takes_any_key: bool) -> Receipt | None:
    """The receipt of an earlier run; None where there is none, or one that proves nothing.

    Args:
        storage: opened.
        key: of the receipt.
        signer: of this run.
        takes_any_key: a run whose key went with it left a receipt that is whole, if not trusted: what it lists is
            still to go.
    Raises:
        StorageError: the store does not answer.
    """
    try:
        content = storage.get(key)
        trusted = [signer.public_key, *([str(parsed(content).get("signedBy"))] if takes_any_key else [])]
        return read_receipt(content, trusted, where=key)
    except (StorageNotFound, ReceiptInvalid, ReceiptForged):
        return None


def is_key_missing() -> bool:
    """Whether the installation's key is not where it should be; then a fresh one of this run alone will do."""
    given = os.environ.get(KEYS_VARIABLE)
    if given and not (Path(given) / SIGNING_KEY).exists():
        print(f"{given} has no {SIGNING_KEY}; the receipt is signed with a key of this run alone", file=sys.stderr)
        del os.environ[KEYS_VARIABLE]
        return True
    return False
