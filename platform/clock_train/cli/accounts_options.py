"""What the commands about accounts share: where the accounts are, and opening them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.errors import ConfigValueInvalid

if TYPE_CHECKING:
    from clock_train.accounts.store import Store

ACCOUNTS_VARIABLE = "CLOCKTRAIN_ACCOUNTS"
Accounts = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        envvar=ACCOUNTS_VARIABLE,
        show_envvar=False,
        help="Path of a SQLite file, or postgresql://user@host/database; by default $CLOCKTRAIN_ACCOUNTS.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@contextmanager
def opened(accounts: str | None) -> Iterator[Store]:
    """The store of an option.

    Raises:
        ConfigValueInvalid: none is named.
    """
    from clock_train.accounts.store import Store

    if not accounts:
        raise ConfigValueInvalid(f"no accounts are named; give --accounts accounts.sqlite, or set {ACCOUNTS_VARIABLE}")
    store = Store(accounts)
    try:
        yield store
    finally:
        store.close()
