"""A chain of signed lines, wherever it is kept: each line has a number and the sha256 of the line before.

A chain is written by one installation, or by one replica of a gateway. It is read in pieces, which are what shipping
copies: a folder's files, or as many rows of a database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from clock_train.audit.signing import Signer, is_signed
from clock_train.errors import AuditDamaged

SCHEMA_VERSION = 1
NO_LINE = "0" * 64
"""What the first line says of the one before."""
OWN_FIELDS = ("schemaVersion", "seq", "time", "kind", "prev", "publicKey", "signature")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some lines of a chain."""

    name: str
    """Such as ``00000001.jsonl``; sorted by it they are in order."""
    place: str
    """For a message."""
    content: bytes
    """Lines with their ends."""


class Chain(Protocol):
    """One chain."""

    @property
    def name(self) -> str:
        """Empty, or of the replica that wrote it."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for a message."""
        ...

    def pieces(self, first: str = "") -> Iterator[Piece]:
        """All of it, or from the piece of that name on; in order."""
        ...

    def lines_of(self, payload_hex: str) -> list[dict[str, Any]]:
        """The lines of sounds that were issued with a payload: what a detection is joined with."""
        ...


class IssueLog(Protocol):
    """What is told of a sound before it leaves."""

    def append(self, kind: str, facts: Mapping[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
        """Write one line, and return when it is kept for good.

        Args:
            kind: such as ``issued``.
            facts: plain values; the log's own fields may not be among them.
            now: by default the clock.
        Raises:
            AuditUnwritable, AccountsUnavailable: nothing may be given out then.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class LogSummary:
    """A chain that was verified."""

    num_files: int
    num_lines: int
    first_time: str | None
    last_time: str | None
    head: str
    """sha256 of the last line: whoever keeps it can show later that the log was cut."""
    public_keys: tuple[str, ...]

    def as_plain(self) -> dict[str, object]:
        """For scripts."""
        return {
            "files": self.num_files,
            "lines": self.num_lines,
            "firstTime": self.first_time,
            "lastTime": self.last_time,
            "head": self.head,
            "publicKeys": list(self.public_keys),
        }


def next_line(
    signer: Signer, kind: str, facts: Mapping[str, Any], *, seq: int, previous: str, now: datetime | None = None
) -> tuple[dict[str, Any], bytes]:
    """A signed line, as values and as bytes without its end.

    Args:
        signer: whose signature it carries.
        kind: such as ``issued``.
        facts: plain values.
        seq: 1 for the first line.
        previous: digest of the line before.
        now: by default the clock.
    """
    assert not set(facts) & set(OWN_FIELDS)
    values: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "seq": seq,
        "time": (now or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        "kind": kind,
        **facts,
        "prev": previous,
        "publicKey": signer.public_key,
    }
    values["signature"] = signer.sign(_canonical(values))
    return values, _canonical(values)


def read_lines(chain: Chain) -> Iterator[tuple[Piece, int, bytes, dict[str, Any]]]:
    """(piece, line number in it, bytes, values) of every line.

    Raises:
        AuditDamaged: a line that is no JSON object.
    """
    for piece in chain.pieces():
        for number, line in enumerate(piece.content.removesuffix(b"\n").split(b"\n"), start=1):
            try:
                values = json.loads(line)
                if not isinstance(values, dict):
                    raise ValueError("no object")
            except ValueError as error:
                raise _damaged(piece, number, "is no line of a log") from error
            yield piece, number, line, values


def verify_chain(chain: Chain, *, public_key: str | None = None) -> LogSummary:
    """Check numbers, chain and signatures of every line.

    Args:
        chain: of one writer.
        public_key: who must have signed; None takes the key that the first line names.
    Raises:
        AuditDamaged: with the first piece and line that does not fit.
    """
    previous, expected, keys = NO_LINE, 1, [public_key] if public_key else list[str]()
    times: list[str] = []
    names: set[str] = set()
    for piece, number, line, values in read_lines(chain):
        names.add(piece.name)
        signature = values.pop("signature", "")
        if values.get("seq") != expected:
            raise _damaged(piece, number, f"has number {values.get('seq')} where {expected} belongs: lines are missing")
        if values.get("prev") != previous:
            raise _damaged(piece, number, "does not follow the line before: one of them was changed")
        signed_by = str(values.get("publicKey"))
        if not keys:
            keys.append(signed_by)
        if signed_by not in keys or not is_signed(_canonical(values), str(signature), signed_by):
            raise _damaged(piece, number, "was changed, or signed by another key")
        previous, expected = digest_of(line), expected + 1
        times = [times[0] if times else str(values["time"]), str(values["time"])]
    return LogSummary(
        num_files=len(names),
        num_lines=expected - 1,
        first_time=times[0] if times else None,
        last_time=times[-1] if times else None,
        head=previous,
        public_keys=tuple(keys),
    )


def is_signed_by(values: Mapping[str, Any], public_key: str) -> bool:
    """Whether a line, taken alone, is as that key signed it."""
    content = {name: value for name, value in values.items() if name != "signature"}
    return content.get("publicKey") == public_key and is_signed(
        _canonical(content), str(values.get("signature")), public_key
    )


def digest_of(line: bytes) -> str:
    """sha256 of a line without its end, in hexadecimal."""
    return hashlib.sha256(line).hexdigest()


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _damaged(piece: Piece, number: int, what: str) -> AuditDamaged:
    return AuditDamaged(f"line {number} of {piece.place} {what}. Compare with the shipped copy")
