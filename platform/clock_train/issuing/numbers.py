"""What the numbers in a mark mean: voices and consents have room for twelve bits each, and get one number for ever.

``numbers.json`` says it for one installation. Replicas of a gateway share a database of it instead.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from clock_train.errors import WatermarkPayloadInvalid

Numbered = dict[str, dict[str, int]]
"""By kind and name."""


class Numbers(Protocol):
    """Allots numbers."""

    def number(self, kind: str, name: str, most: int) -> int:
        """The number of a name; the next free one where it has none.

        Args:
            kind: ``voices`` or ``consents``.
            name: of a voice, or id of a consent.
            most: the highest that a mark has room for.
        Raises:
            WatermarkPayloadInvalid: all are taken.
        """
        ...


class FolderNumbers:
    """Those of one folder, for any number of processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def known(self) -> Numbered:
        """What was allotted so far."""
        return json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}

    def number(self, kind: str, name: str, most: int) -> int:
        """The number of a name; the next free one where it has none.

        Args:
            kind: ``voices`` or ``consents``.
            name: of a voice, or id of a consent.
            most: the highest that a mark has room for.
        Raises:
            WatermarkPayloadInvalid: all are taken.
        """
        with self._locked():
            numbers = self.known()
            known = numbers.setdefault(kind, {})
            if name in known:
                return known[name]
            if len(known) >= most:
                raise WatermarkPayloadInvalid(
                    f"{len(known)} {kind} have a number, and a mark has room for no more; use another tenant's keys"
                )
            known[name] = len(known) + 1
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(numbers, ensure_ascii=False, indent=1), encoding="utf-8")
            os.replace(temporary, self._path)
            return known[name]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path.parent / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
