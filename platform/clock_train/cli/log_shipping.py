"""Shipping the log while a server runs: ``--ship-log PLACE``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

ShipLog = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        envvar="CLOCKTRAIN_SHIP_LOG",
        show_envvar=False,
        help="Folder or s3://bucket that gets a copy of the signed log each minute; by default $CLOCKTRAIN_SHIP_LOG.",
    ),
]
ShipLogAs = Annotated[str, typer.Option(metavar="NAMESPACE", help="Under which the copy is kept; one for each log.")]


@contextmanager
def shipping_log(place: str | None, namespace: str, accounts: str | None = None) -> Iterator[None]:
    """Ship for as long as it is open.

    Args:
        place: where to; None ships nothing.
        namespace: of the copy.
        accounts: where gateways keep their log, if that is a database which they share.
    Raises:
        StorageRootInvalid: no such kind of place.
    """
    if place is None:
        yield
        return
    from clock_train.audit.keep_shipping import LogShipper
    from clock_train.cli.audit import prefix_of
    from clock_train.cli.issue_chains import opened_chains
    from clock_train.storage.opening import open_storage

    shipper = LogShipper(partial(opened_chains, None, accounts), open_storage(place), prefix_of(namespace))
    shipper.start()
    try:
        yield
    finally:
        shipper.close()
