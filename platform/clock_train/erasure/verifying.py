"""The proof of an erasure: the receipt's signature, and each of its objects looked up again where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clock_train.erasure.erasing import still_there
from clock_train.erasure.receipt import Receipt, read_receipt
from clock_train.errors import ErasureRemains, ErasureUnfinished

MOST_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A receipt that holds."""

    receipt: Receipt
    looked_up: int
    """Objects that were asked for in their places, and are in none."""


def verify_receipt(content: bytes, trusted_keys: Sequence[str], *, where: str) -> Proof:
    """Prove that nothing of a receipt is left.

    Args:
        content: of the receipt.
        trusted_keys: public keys of which one signed it.
        where: what an error calls it.
    Raises:
        ReceiptInvalid, ReceiptForged: it proves nothing.
        ErasureUnfinished: it says itself that something is still to go.
        ErasureRemains: something is there.
        ClockTrainError: a place does not answer, so nobody knows.
    """
    receipt = read_receipt(content, trusted_keys, where=where)
    left = still_there(receipt)
    if left and receipt.is_complete:
        named = "".join(f"\n  {item.kind} {item.place} {item.key}" for item in left[:MOST_NAMED])
        raise ErasureRemains(
            f'{len(left)} of the {len(receipt.items)} objects that "{where}" calls erased are there:{named}\nErase '
            f"again: clocktrain erase {receipt.scope} {receipt.name}"
        )
    if not receipt.is_complete:
        waiting = len(receipt.to_do())
        raise ErasureUnfinished(
            f'"{where}" is not complete: {waiting} of {len(receipt.items)} are still to be erased. Give the same '
            f"command again: clocktrain erase {receipt.scope} {receipt.name}"
        )
    return Proof(receipt=receipt, looked_up=len(receipt.items))
