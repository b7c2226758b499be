"""The chains that a command about the log means: those of a folder, or of this installation and its gateways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clock_train.audit.chain import Chain


@contextmanager
def opened_chains(log: Path | None, accounts: str | None) -> Iterator[Sequence[Chain]]:
    """The chains; there may be none.

    Args:
        log: folder of a log, with folders of others' chains in it.
        accounts: where gateways keep theirs, if that is a database which they share; read only without ``log``.
    Raises:
        ConfigValueInvalid, AccountsUnavailable: they cannot be had.
    """
    from clock_train.audit.log import chains_in
    from clock_train.issuing.installation import Installation

    if log is not None:
        yield chains_in(log)
        return
    own = chains_in(Installation().log_folder)
    if not accounts:
        yield own
        return
    from clock_train.accounts.dialects import read_address

    if not read_address(accounts).is_shared:
        yield own
        return
    from clock_train.accounts.issue_chains import stored_chains
    from clock_train.accounts.store import Store

    store = Store(accounts)
    try:
        yield [*own, *stored_chains(store.database)]
    finally:
        store.close()
