"""The operator's only way to the API server: lists, watches, and the writes that plans ask for."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from lightkube import ALL_NS, AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.types import PatchType

from voiceclone_operator.actions import Event
from voiceclone_operator.kinds import BY_KIND, CLEANUPS, CLONES, JOBS, Kind
from voiceclone_operator.names import FIELD_MANAGER, FINALIZER, SPEC_HASH
from voiceclone_operator.observed import Object, spelled_micro

REQUEST_TIMEOUT_S = 15.0
SILENCE_S = 90.0
"""A watch that says nothing for so long is opened again: a connection that was cut silently looks like one at rest."""
PAGE = 500
EVENTS = Kind(kind="Event", group="events.k8s.io", version="v1", plural="events")


class NotOurs(Exception):
    """An object of another owner has the name that a child needs."""


class NotServed(Exception):
    """The server does not know a kind: what brings it is not installed."""


class Api:
    """Bound to one API server."""

    def __init__(self, config: KubeConfig, *, instance: str, operator_namespace: str) -> None:
        timeout = httpx2.Timeout(REQUEST_TIMEOUT_S)
        # its overloads know the classes of Kubernetes itself only
        self._client: Any = AsyncClient(config=config, timeout=timeout, field_manager=FIELD_MANAGER)
        self._instance, self._operator_namespace = instance, operator_namespace

    async def close(self) -> None:
        """Let connections go."""
        await self._client.aclose()

    async def list(self, kind: Kind) -> tuple[list[Object], str]:
        """All of a kind and the version of the list.

        Raises:
            NotServed: the server does not know the kind.
        """
        found = self._client.list(kind.resource, labels=_selector(kind), chunk_size=PAGE, **self._where(kind))
        # the items of a list of Kubernetes' own kinds do not say what they are; watched ones do
        named = {"apiVersion": kind.api_version, "kind": kind.kind}
        try:
            return [{**named, **each} async for each in found], found.resourceVersion
        except httpx2.HTTPStatusError as error:
            # a group that nobody serves is answered in plain text, which the client makes no ApiError of
            if error.response.status_code == 404:
                raise NotServed(kind.kind) from error
            raise

    async def watch(self, kind: Kind, version: str) -> AsyncIterator[tuple[str, Object]]:
        """Changes after a version, until the connection falls silent or ends.

        Raises:
            ApiError: 410 where the version is too old to go on from.
        """
        stream = self._client.watch(
            kind.resource,
            labels=_selector(kind),
            resource_version=version,
            server_timeout=int(SILENCE_S * 4),
            **self._where(kind),
        )
        iterator = aiter(stream)
        while True:
            try:
                change, found = await asyncio.wait_for(anext(iterator), SILENCE_S)
            except (TimeoutError, StopAsyncIteration):
                return
            yield change, dict(found)

    async def apply(self, manifest: Object) -> Object:
        """Server-side apply of a child, whole; what others changed of it is taken back."""
        kind = BY_KIND[manifest["kind"]]
        return dict(await self._client.apply(kind.resource(manifest), force=True, **_named(manifest)))

    async def create_job(self, manifest: Object) -> Object:
        """Make a RayJob; one that is there and is ours counts as made.

        Raises:
            NotOurs: somebody else's has the name.
        """
        try:
            return dict(await self._client.create(JOBS.resource(manifest), namespace=manifest["metadata"]["namespace"]))
        except ApiError as error:
            if error.status.reason != "AlreadyExists":
                raise
        found = dict(await self._client.get(JOBS.resource, **_named(manifest)))
        owners = {owner["uid"] for owner in found["metadata"].get("ownerReferences") or []}
        wanted = {owner["uid"] for owner in manifest["metadata"]["ownerReferences"]}
        annotations = found["metadata"].get("annotations") or {}
        if not owners & wanted or SPEC_HASH not in annotations:
            raise NotOurs(f'a RayJob "{manifest["metadata"]["name"]}" of somebody else is in the way; delete it')
        return found

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete a RayJob and what it owns; one of another uid is left alone."""
        try:
            found = dict(await self._client.get(JOBS.resource, name, namespace=namespace))
            if found["metadata"]["uid"] == uid:
                await self._client.delete(JOBS.resource, name, namespace=namespace)
        except ApiError as error:
            if error.status.code not in (404, 409):
                raise

    async def write_status(self, clone: Object, status: dict[str, Any]) -> Object:
        """The whole status, unless somebody wrote since the clone was read.

        Raises:
            ApiError: 409 where somebody did; the plan is made again from what is there now.
        """
        manifest = {
            "apiVersion": clone["apiVersion"],
            "kind": "VoiceClone",
            "metadata": {
                "name": clone["metadata"]["name"],
                "namespace": clone["metadata"]["namespace"],
                "resourceVersion": clone["metadata"]["resourceVersion"],
            },
            "status": status,
        }
        found = await self._client.apply(CLONES.resource.Status(manifest), force=True, **_named(manifest))
        return dict(found)

    async def set_finalizer(self, clone: Object, *, present: bool) -> Object | None:
        """Add or remove ours, and nobody else's: by a JSON patch that fails where the list has changed."""
        metadata = clone["metadata"]
        before = list(metadata.get("finalizers") or [])
        after = [*before, FINALIZER] if present else [name for name in before if name != FINALIZER]
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "add", "path": "/metadata/finalizers", "value": after},
        ]
        try:
            found = await self._client.patch(
                CLONES.resource, metadata["name"], patch, namespace=metadata["namespace"], patch_type=PatchType.JSON
            )
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise
        return dict(found)

    async def create_cleanup(self, manifest: Object) -> None:
        """Make the Job that erases; one that is there counts as made."""
        try:
            await self._client.create(CLEANUPS.resource(manifest), namespace=manifest["metadata"]["namespace"])
        except ApiError as error:
            if error.status.reason != "AlreadyExists":
                raise

    async def post_event(self, clone: Object, event: Event) -> None:
        """One entry of the clone's story; posted twice it is there once."""
        metadata = clone["metadata"]
        version = (metadata.get("generation"), event.reason, event.message, metadata.get("resourceVersion"))
        name = hashlib.sha256(repr(version).encode()).hexdigest()[:16]
        manifest = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{name}", "namespace": metadata["namespace"]},
            "eventTime": spelled_micro(),
            "type": event.type,
            "reason": event.reason,
            "note": event.message,
            "action": "Reconcile",
            "reportingController": FIELD_MANAGER,
            "reportingInstance": self._instance[:128],
            "regarding": {
                "apiVersion": clone["apiVersion"],
                "kind": "VoiceClone",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
        }
        try:
            await self._client.create(EVENTS.resource(manifest), namespace=metadata["namespace"])
        except ApiError as error:
            # the story is told to whoever is left: a namespace that is ending takes no more of it
            if error.status.reason not in ("AlreadyExists", "Forbidden", "NotFound"):
                raise

    @property
    def client(self) -> AsyncClient:
        """For the lease."""
        return self._client

    def _where(self, kind: Kind) -> dict[str, Any]:
        if not kind.is_namespaced:
            return {}
        return {"namespace": self._operator_namespace if kind.operator_namespace_only else ALL_NS}


def _selector(kind: Kind) -> dict[str, Any] | None:
    return dict(kind.labels) if kind.labels else None


def _named(manifest: Object) -> dict[str, str]:
    return {"name": manifest["metadata"]["name"], "namespace": manifest["metadata"]["namespace"]}
