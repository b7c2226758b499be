"""Shipping the log to storage, where whoever writes it here should not be able to change it.

A shipped file only ever grows: one that is shorter here than there, or begins otherwise, was changed since.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from clock_train.audit.log import log_files, verify
from clock_train.errors import AuditDamaged


class Store(Protocol):
    """What of a storage is needed."""

    def put(self, key: str, source: bytes | Path) -> Any:
        """Write an object."""
        ...

    def get(self, key: str) -> bytes:
        """Its bytes."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is one."""
        ...

    def list(self, prefix: str) -> Any:
        """All below a prefix; each has a ``key``."""
        ...


def ship(folder: Path, store: Store, prefix: str) -> list[str]:
    """Verify the log and put what is new of it under ``prefix``.

    Returns:
        The keys that were written.
    Raises:
        AuditDamaged: the log does not verify, or what was shipped is not its beginning.
    """
    verify(folder)
    compare(folder, store, prefix)
    written = []
    for path in log_files(folder):
        key, content = f"{prefix}/{path.name}", path.read_bytes()
        if not store.exists(key) or store.get(key) != content:
            store.put(key, content)
            written.append(key)
    return written


def compare(folder: Path, store: Store, prefix: str) -> int:
    """Check that everything that was shipped is still here, unchanged; how many files were compared.

    Raises:
        AuditDamaged: a file is gone, shorter, or begins otherwise.
    """
    here = {path.name: path for path in log_files(folder)}
    shipped = [each.key for each in store.list(prefix)]
    for key in shipped:
        name = key.rpartition("/")[2]
        if name not in here:
            raise AuditDamaged(f'"{folder / name}" is gone, but was shipped as {key}. Restore it from there')
        if not here[name].read_bytes().startswith(store.get(key)):
            raise AuditDamaged(
                f'"{here[name]}" is not what was shipped as {key}: lines were cut off or changed since. Keep both, and '
                "find out who could write here"
            )
    return len(shipped)
