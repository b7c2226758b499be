"""The receipt of an erasure: what was asked, every object with its hash and state, what was kept and why, who signed.

One JSON file. It is written before anything is removed and after every few removals, signed each time by the
installation's key over its canonical form, so that an erasure that was killed still says what it meant to remove; the
next one goes on with it. Speakers have their pseudonyms in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from clock_train.audit.signing import Signer, is_signed
from clock_train.errors import ReceiptForged, ReceiptInvalid

SCHEMA_VERSION = 1
VOICE, SPEAKER, RECORDINGS, CLONE = "voice", "speaker", "recordings", "clone"
TO_BE_ERASED, ERASED = "to be erased", "erased"
OBJECT, FILE, LINES, RUN, MODEL, ENTRY = "object", "file", "lines", "trackedRun", "registeredModel", "servingEntry"
"""Kinds of items: an object of a store, a file of a folder, lines of a file that others share, a run and a registered
model of MLflow, a voice of a serving table."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that is removed."""

    kind: str
    place: str
    """The store, folder, tracker or table that has it."""
    key: str
    """What it is called there."""
    bytes: int | None = None
    sha256: str | None = None
    """None where it has no content of its own, or where only older versions of it were left."""
    what: str = ""
    """What it was part of, in words."""
    words: tuple[str, ...] = ()
    """Of lines: those that have one of these are removed."""
    state: str = TO_BE_ERASED
    time: str | None = None
    """When its state changed."""

    @property
    def address(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return self.kind, self.place, self.key


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Something that stays."""

    what: str
    why: str


@dataclass
class Receipt:
    """What is asked, found and done."""

    scope: str
    name: str
    reason: str = ""
    consents: list[str] = field(default_factory=list)
    asked_at: str = ""
    items: dict[tuple[str, str, str], Item] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    retired_bases: list[dict[str, str]] = field(default_factory=list)
    """Bases that contain the speaker."""
    made_from_them: list[dict[str, str]] = field(default_factory=list)
    """Other people's voices that were fine-tuned from such a base."""
    looked_in: dict[str, Any] = field(default_factory=dict)
    """The places that were searched."""
    uid: str | None = None
    """Of a clone."""
    is_complete: bool = False
    signed_by: str | None = None
    """Public key; None until it is written."""

    def meet(self, found: Iterable[Item]) -> int:
        """Take over what was found; how many items are new, or were called erased and are there again."""
        fresh = 0
        for item in found:
            known = self.items.get(item.address)
            if known is None or known.state == ERASED:
                self.items[item.address] = item
                fresh += 1
        return fresh

    def to_do(self) -> list[Item]:
        """What is not erased yet, in the order of its removal: what is served goes first."""
        waiting = [item for item in self.items.values() if item.state != ERASED]
        return sorted(waiting, key=lambda item: item.kind != ENTRY)

    def done(self, item: Item) -> None:
        """One is gone."""
        self.items[item.address] = replace(item, state=ERASED, time=_now())

    def values(self) -> dict[str, Any]:
        """As the file has them, without the signature."""
        items = sorted(self.items.values(), key=lambda item: item.address)
        asked = {"scope": self.scope, "name": self.name, "reason": self.reason, "consents": self.consents}
        return {
            "schemaVersion": SCHEMA_VERSION,
            "asked": {**asked, "uid": self.uid, "time": self.asked_at},
            "lookedIn": self.looked_in,
            "complete": self.is_complete,
            "objects": [_item_values(item) for item in items if item.kind not in (RUN, MODEL)],
            "trackedRuns": [_item_values(item) for item in items if item.kind in (RUN, MODEL)],
            "kept": [asdict(kept) for kept in self.kept],
            "retiredBases": self.retired_bases,
            "madeFromThem": self.made_from_them,
        }

    def signed(self, signer: Signer) -> bytes:
        """The file's bytes."""
        values = {**self.values(), "writtenAt": _now(), "signedBy": signer.public_key}
        content = {**values, "signature": signer.sign(canonical(values))}
        return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def canonical(values: dict[str, Any]) -> bytes:
    """What is signed: JSON without the signature, keys sorted, no space, UTF-8."""
    without = {name: value for name, value in values.items() if name != "signature"}
    return json.dumps(without, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_receipt(content: bytes, trusted_keys: Sequence[str], *, where: str) -> Receipt:
    """A receipt as it was signed.

    Raises:
        ReceiptInvalid: it is none.
        ReceiptForged: it was altered, or no trusted key signed it.
    """
    try:
        values = json.loads(content)
        if values["schemaVersion"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {values['schemaVersion']!r} is not {SCHEMA_VERSION}")
        signature, key = str(values["signature"]), str(values["signedBy"])
        receipt = _receipt_of(values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReceiptInvalid(f'"{where}" is no receipt of an erasure ({error}); restore it from its copy') from error
    if not is_signed(canonical(values), signature, key):
        raise ReceiptForged(f'"{where}" was altered after it was signed; restore it from its copy')
    if key not in trusted_keys:
        raise ReceiptForged(
            f'"{where}" is signed by {key}, which is not trusted here. If that is one of your installations, add the '
            "key to trusted-keys"
        )
    return receipt


def _receipt_of(values: dict[str, Any]) -> Receipt:
    asked = values["asked"]
    items = [_item_of(each) for each in (*values["objects"], *values["trackedRuns"])]
    return Receipt(
        scope=str(asked["scope"]),
        name=str(asked["name"]),
        reason=str(asked["reason"]),
        consents=list(asked["consents"]),
        asked_at=str(asked["time"]),
        uid=asked["uid"],
        items={item.address: item for item in items},
        kept=[Kept(**each) for each in values["kept"]],
        retired_bases=list(values["retiredBases"]),
        made_from_them=list(values["madeFromThem"]),
        looked_in=dict(values["lookedIn"]),
        is_complete=bool(values["complete"]),
        signed_by=str(values["signedBy"]),
    )


def _item_values(item: Item) -> dict[str, Any]:
    return {name: value for name, value in asdict(item).items() if name != "words" or value}


def _item_of(values: dict[str, Any]) -> Item:
    return Item(**{**values, "words": tuple(values.get("words", ()))})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
