"""What the replicas of a gateway share: the numbers in marks and the signed log, in the database of their accounts.

Each process writes a chain of its own, named as its usage is, so that nobody waits for another and a replica that is
killed leaves a whole chain (docs/adr/0009).
"""

from __future__ import annotations

import logging
import re
from functools import partial

from clock_train.accounts.gatekeeper import Gatekeeper
from clock_train.accounts.issue_chains import StoredLog, lines_of
from clock_train.accounts.mark_numbers import StoredNumbers
from clock_train.issuing.installation import Installation, Shared
from clock_train.issuing.numbers import FolderNumbers

_log = logging.getLogger(__name__)


def shared_installation(installation: Installation, gatekeeper: Gatekeeper) -> Installation:
    """The same keys, with numbers and log where the accounts are; numbers that the folder has are taken over.

    Args:
        installation: of this replica.
        gatekeeper: of a database that others share.
    Raises:
        AccountsUnavailable: the database is away.
    """
    database = gatekeeper.store.database
    numbers = StoredNumbers(database)
    if others := numbers.adopt(FolderNumbers(installation.numbers_path).known()):
        _log.warning(
            "%d voices or consents have other numbers in %s than in %s (such as %s): marks get those of the first from "
            "now on, and the log says what older ones mean",
            len(others), database.dialect.place, installation.numbers_path, others[0],
        )  # fmt: skip
    chain = re.sub(r"[^A-Za-z0-9.-]", "-", gatekeeper.instance)  # a folder of that name is shipped
    log = StoredLog(database, chain, installation.signer())
    return Installation(
        installation.folder, shared=Shared(numbers=numbers, log=log, lines_of=partial(lines_of, database))
    )
