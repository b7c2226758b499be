"""A pod's log of what it read and spoke, copied to the store while it runs, since it ends with the pod."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clock_train.audit.keep_shipping import LogShipper
from clock_train.audit.log import FolderChain, log_files
from clock_train.issuing.installation import Installation
from clock_train.storage.opening import Storage
from clock_train.storage.places import RunPlace

JOB_AUDIT = "job-audit"
"""Not beside what servers ship: those chains are compared with logs that live on, and these have none."""


@contextmanager
def shipping_lines(installation: Installation, storage: Storage, run: RunPlace, starts: int) -> Iterator[None]:
    """Ship the log under ``NAMESPACE/job-audit/`` by the name of this start, where the log begins with it.

    A log that was there before is a person's own, and is shipped by ``clocktrain audit ship`` where the person wants.

    Args:
        installation: whose log.
        storage: of the job, which outlives its machine.
        run: names the chain, as ``job-UID-ATTEMPT-START``.
        starts: how often this attempt was begun.
    """
    if log_files(installation.log_folder):
        yield
        return
    chain = FolderChain(installation.log_folder, f"job-{run.uid}-{run.attempt}-{starts}")

    @contextmanager
    def opened() -> Iterator[list[FolderChain]]:
        yield [chain] if log_files(installation.log_folder) else []

    shipper = LogShipper(opened, storage, f"{run.namespace}/{JOB_AUDIT}")
    shipper.start()
    try:
        yield
    finally:
        shipper.close()
