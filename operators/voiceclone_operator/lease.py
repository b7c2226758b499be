"""Which of two replicas acts, by a Lease.

A holder's silence is judged by what this replica saw and its own monotonic clock, never by comparing clocks. Who holds
it stops acting well before another may think that it is gone: when a renewal is not through in time, the process ends.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lightkube import AsyncClient
from lightkube.core.exceptions import ApiError

from voiceclone_operator.kinds import Kind

LEASES = Kind(kind="Lease", group="coordination.k8s.io", version="v1", plural="leases")
DURATION_S = 15
RENEW_EVERY_S = 4.0
STOP_AFTER_S = 10.0
"""Without a renewal for so long nothing more is done: the rest is margin for a request that is under way."""
REQUEST_S = 4.0

log = logging.getLogger(__name__)


class Lease:
    """One Lease, held or waited for."""

    def __init__(
        self, client: AsyncClient, *, namespace: str, name: str, holder: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._client: Any = client  # its overloads know the classes of Kubernetes itself only
        self._namespace, self._name, self._holder, self._now = namespace, name, holder, now
        self._seen: tuple[str, str] | None = None
        self._seen_at = 0.0
        self.is_held = False

    async def acquire(self) -> None:
        """Return once this replica holds it."""
        while True:
            try:
                if await asyncio.wait_for(self._try(), REQUEST_S):
                    self.is_held = True
                    return
            except (ApiError, OSError, TimeoutError) as error:
                log.warning("the lease cannot be had at present: %s", _first_line(error))
            except Exception as error:
                log.warning("the lease cannot be asked for at present: %s", _first_line(error))
            await asyncio.sleep(RENEW_EVERY_S / 2)

    async def hold(self) -> None:
        """Renew until it is lost, and return then."""
        renewed_at = self._now()
        while self._now() - renewed_at < STOP_AFTER_S:
            await asyncio.sleep(min(RENEW_EVERY_S, max(0.1, STOP_AFTER_S - (self._now() - renewed_at))))
            began = self._now()
            try:
                if not await asyncio.wait_for(self._try(), REQUEST_S):
                    log.error("another replica holds the lease")
                    return
                renewed_at = began
            except Exception as error:
                log.warning("the lease could not be renewed: %s", _first_line(error))
        log.error("the lease was not renewed for %.0f s", STOP_AFTER_S)

    async def release(self) -> None:
        """Let another replica take over at once."""
        try:
            found = dict(await self._client.get(LEASES.resource, self._name, namespace=self._namespace))
            if found["spec"].get("holderIdentity") == self._holder:
                found["spec"]["holderIdentity"] = ""
                await self._client.replace(LEASES.resource(found))
        except Exception as error:
            log.warning("the lease could not be released: %s", _first_line(error))

    async def _try(self) -> bool:
        """Take or renew it; False where somebody else holds it."""
        try:
            found: dict[str, Any] = dict(await self._client.get(LEASES.resource, self._name, namespace=self._namespace))
        except ApiError as error:
            if error.status.code != 404:
                raise
            return await self._write(None)
        spec = found.get("spec") or {}
        holder, renewed = spec.get("holderIdentity") or "", str(spec.get("renewTime", ""))
        if holder in ("", self._holder):
            return await self._write(found)
        if (holder, renewed) != self._seen:
            self._seen, self._seen_at = (holder, renewed), self._now()
            return False
        if self._now() - self._seen_at < int(spec.get("leaseDurationSeconds") or DURATION_S):
            return False
        log.info("%s has been silent for its lease's duration: taking over", holder)
        return await self._write(found)

    async def _write(self, found: dict[str, Any] | None) -> bool:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        old = (found or {}).get("spec") or {}
        is_new = old.get("holderIdentity") != self._holder
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": DURATION_S,
            "acquireTime": now if is_new else old.get("acquireTime", now),
            "renewTime": now,
            "leaseTransitions": int(old.get("leaseTransitions") or 0) + (1 if is_new and found else 0),
        }
        metadata: dict[str, Any] = {"name": self._name, "namespace": self._namespace}
        if found is not None:
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        manifest = LEASES.resource(
            {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        )
        try:
            if found is None:
                await self._client.create(manifest, namespace=self._namespace)
            else:
                await self._client.replace(manifest)
        except ApiError as error:
            if error.status.reason in ("Conflict", "AlreadyExists"):
                return False
            raise
        return True


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
