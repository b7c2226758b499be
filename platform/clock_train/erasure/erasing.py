"""One erasure from beginning to end: look, write the receipt, remove, look again, prove, sign.

It may be killed at any point and run again: the receipt lists what was meant to go before anything goes, and the next
run goes on with it. A place that is away keeps nothing else from going; the receipt stays open, and the error says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from clock_train.audit.signing import Signer
from clock_train.erasure.receipt import Item, Receipt
from clock_train.erasure.removing import Remover
from clock_train.errors import ClockTrainError, ErasureUnfinished

MOST_ROUNDS = 3
"""Of looking and removing; what is there after those is being written by somebody."""
WRITE_EVERY_S = 1.0
"""While things are removed; a run that is killed removes what was removed since once more."""
MOST_NAMED = 5


@dataclass
class Look:
    """What a search found, and which places did not answer."""

    items: list[Item] = field(default_factory=list)
    errors: list[ClockTrainError] = field(default_factory=list)


def carry_out(
    receipt: Receipt,
    look: Callable[[Receipt], Look],
    write: Callable[[bytes], object],
    signer: Signer,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
    remover: Remover | None = None,
) -> Receipt:
    """Erase what is found until nothing is.

    Args:
        receipt: a new one, or one of a run that was cut off.
        look: searches every place; may add to what the receipt keeps and knows.
        write: keeps the receipt's bytes, whole or not at all.
        signer: the installation's key.
        report: hears how many of how many items are gone.
        remover: with stores that are open already.
    Raises:
        ErasureUnfinished: something is there again each time.
        ClockTrainError: of the first place that was away or refused; everything else is erased.
    """
    errors: list[ClockTrainError] = []
    remover = remover or Remover()
    for _ in range(MOST_ROUNDS):
        seen = look(receipt)
        fresh = receipt.meet(seen.items)
        errors = list(seen.errors)
        receipt.is_complete = False
        write(receipt.signed(signer))  # before anything is removed: a cut-off run still says what it meant to remove
        if not receipt.to_do() and not fresh:
            break
        errors += _remove(receipt, remover, write, signer, report)
        if errors:
            break
    left = [] if errors else still_there(receipt, remover)
    receipt.is_complete = not errors and not left and not receipt.to_do()
    write(receipt.signed(signer))
    if errors:
        raise errors[0]
    if left:
        named = ", ".join(f"{item.place} {item.key}" for item in left[:MOST_NAMED])
        raise ErasureUnfinished(
            f"{len(left)} of {len(receipt.items)} are there again ({named}); somebody still writes them. End what "
            "trains or serves, then give the same command again"
        )
    return receipt


def still_there(receipt: Receipt, remover: Remover | None = None) -> list[Item]:
    """What of a receipt is left, each looked up again in its place.

    Raises:
        ClockTrainError: a place does not answer.
    """
    remover = remover or Remover()
    remover.forget_listings()
    return [item for item in receipt.items.values() if remover.is_left(item)]


def _remove(
    receipt: Receipt,
    remover: Remover,
    write: Callable[[bytes], object],
    signer: Signer,
    report: Callable[[int, int], None],
) -> list[ClockTrainError]:
    waiting = receipt.to_do()
    errors: dict[str, ClockTrainError] = {}
    written = time.monotonic()
    for number, item in enumerate(waiting, start=1):
        if item.place in errors:
            continue
        try:
            remover.remove(item)
        except ClockTrainError as error:
            errors[item.place] = error
            continue
        receipt.done(item)
        report(number, len(waiting))
        if time.monotonic() - written > WRITE_EVERY_S:
            write(receipt.signed(signer))
            written = time.monotonic()
    databases = {item.place for item in receipt.items.values() if item.place.startswith("sqlite:")}
    for uri in databases - errors.keys():
        from clock_train.tracking.mlflow_erasing import forget_freed

        forget_freed(uri)
    return list(errors.values())
