"""The lines of the log that detections are joined with: opened and verified once, at the first mark that is read."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from clock_train.errors import AuditDamaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clock_train.audit.chain import Chain


class IssuedLines:
    """A log that is opened where it is needed.

    Args:
        log: its folder; None is this installation's.
        accounts: where gateways keep theirs.
    """

    def __init__(self, log: Path | None, accounts: str | None) -> None:
        self._log, self._accounts = log, accounts
        self._opened = ExitStack()
        self._chains: Sequence[Chain] | None = None

    def __enter__(self) -> IssuedLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def of(self, payload_hex: str) -> list[dict[str, Any]]:
        """The lines of sounds that were issued with a payload.

        Raises:
            AuditDamaged: the log does not verify, or is none.
        """
        if self._chains is None:
            self._chains = self._verified()
        return [line for chain in self._chains for line in chain.lines_of(payload_hex)]

    def _verified(self) -> Sequence[Chain]:
        from clock_train.audit.chain import verify_chain
        from clock_train.cli.issue_chains import opened_chains

        chains = self._opened.enter_context(opened_chains(self._log, self._accounts))
        if not chains and self._log is not None:
            raise AuditDamaged(f'"{self._log}" holds no log; name the folder of one')
        for chain in chains:
            verify_chain(chain)
        return chains
