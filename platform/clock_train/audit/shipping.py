"""Shipping the log to storage, where whoever writes it here should not be able to change it.

A shipped piece only ever grows: one that is shorter here than there, or begins otherwise, was changed since. The chain
of a replica lies in a folder of its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clock_train.audit.chain import Chain, Piece, verify_chain
from clock_train.errors import AuditDamaged


class Store(Protocol):
    """What of a storage is needed."""

    def put(self, key: str, source: bytes | Path) -> Any:
        """Write an object."""
        ...

    def get(self, key: str) -> bytes:
        """Its bytes."""
        ...

    def list(self, prefix: str) -> Any:
        """All below a prefix; each has a ``key``."""
        ...


@dataclass
class Shipped:
    """How far a chain was shipped: its last piece, and bytes of that."""

    name: str = ""
    size_bytes: int = 0


def ship(chain: Chain, store: Store, prefix: str) -> list[str]:
    """Verify a chain and put what is new of it under ``prefix``.

    Returns:
        The keys that were written.
    Raises:
        AuditDamaged: the chain does not verify, or what was shipped is not its beginning.
    """
    return ship_more(chain, store, prefix, Shipped())


def ship_more(chain: Chain, store: Store, prefix: str, so_far: Shipped) -> list[str]:
    """As ``ship`` at the first time; then only what came since is read, compared with its beginning and put.

    Args:
        chain: of one writer.
        store: where to.
        prefix: of the keys.
        so_far: what an earlier call left, which is kept up to date.
    """
    if not so_far.name:
        verify_chain(chain)
        return _ship_all(chain, store, prefix, so_far)
    folder, written = _folder(chain, prefix), list[str]()
    last_name, is_there = so_far.name, False
    for piece in chain.pieces(last_name):
        key = f"{folder}/{piece.name}"
        if piece.name == last_name:
            is_there = True
            if len(piece.content) == so_far.size_bytes:
                continue
            _refuse_other(piece, store.get(key), key)
        store.put(key, piece.content)
        written.append(key)
        so_far.name, so_far.size_bytes = piece.name, len(piece.content)
    if not is_there:
        raise _gone(chain, f"{folder}/{last_name}")
    return written


def _ship_all(chain: Chain, store: Store, prefix: str, so_far: Shipped) -> list[str]:
    shipped, written = _compared(chain, store, prefix), list[str]()
    for piece in chain.pieces():
        key = f"{_folder(chain, prefix)}/{piece.name}"
        if shipped.get(key) != len(piece.content):
            store.put(key, piece.content)
            written.append(key)
        so_far.name, so_far.size_bytes = piece.name, len(piece.content)
    return written


def compare(chain: Chain, store: Store, prefix: str) -> int:
    """Check that everything that was shipped of a chain is still here, unchanged; how many pieces were compared.

    Raises:
        AuditDamaged: a piece is gone, shorter, or begins otherwise.
    """
    return len(_compared(chain, store, prefix))


def shipped_chains(store: Store, prefix: str) -> set[str]:
    """Names of the chains that were ever shipped; empty for an installation's own."""
    beyond = len(prefix) + 1
    return {each.key[beyond:].rpartition("/")[0] for each in store.list(prefix)}


def _compared(chain: Chain, store: Store, prefix: str) -> dict[str, int]:
    """Bytes that were shipped, by key."""
    folder = _folder(chain, prefix)
    keys = {each.key for each in store.list(folder)}
    waiting = {key for key in keys if "/" not in key[len(folder) + 1 :]}  # below are others' chains
    shipped: dict[str, int] = {}
    for piece in chain.pieces():
        key = f"{folder}/{piece.name}"
        if key not in waiting:
            continue
        waiting.remove(key)
        content = store.get(key)
        _refuse_other(piece, content, key)
        shipped[key] = len(content)
    for key in sorted(waiting):
        raise _gone(chain, key)
    return shipped


def _refuse_other(piece: Piece, shipped: bytes, key: str) -> None:
    if not piece.content.startswith(shipped):
        raise AuditDamaged(
            f"{piece.place} is not what was shipped as {key}: lines were cut off or changed since. Keep both, and "
            "find out who could write here"
        )


def _gone(chain: Chain, key: str) -> AuditDamaged:
    return AuditDamaged(
        f"{key.rpartition('/')[2]} of {chain.place} is gone, but was shipped as {key}. Restore it from there"
    )


def _folder(chain: Chain, prefix: str) -> str:
    return f"{prefix}/{chain.name}" if chain.name else prefix
