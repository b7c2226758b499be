"""One API server, asked as the person of the current kubeconfig, with errors in our own words.

The only place of the package that knows a Kubernetes client. Every request has a time limit.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube import Client, KubeConfig
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ApiError
from lightkube.core.exceptions import ConfigError as LightkubeConfigError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.types import PatchType

from clock_train.cluster.kinds import CLONES, EVENTS, OWN, Kind
from clock_train.errors import (
    ClusterConfigInvalid,
    ClusterConflict,
    ClusterCredentialRefused,
    ClusterError,
    ClusterForbidden,
    ClusterObjectInvalid,
    ClusterObjectMissing,
    ClusterUnreachable,
)

REQUEST_TIMEOUT_S = 15.0
ASK_EVERY_S = 2.0
LONGEST_AWAY_S = 300.0
"""How long a command that watches waits for a server that is away."""
PAGE = 500
MOST_OF_LOG = 5_000
"""Lines of a pod's log."""
FIELD_MANAGER = "clocktrain"
KUBECONFIG = "KUBECONFIG"
DEFAULT_KUBECONFIG = Path("~/.kube/config")
Object = dict[str, Any]
"""A Kubernetes object as JSON."""
_KIND_UNKNOWN = "the cluster does not know the kind: install ClockTrain's chart, or choose another --context"
_REFUSED = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?'
)
_UNKNOWN_FIELD = re.compile(r"\.(?P<field>[\w.\[\]]+): field not declared in schema")


class Cluster:
    """The API server of one context of a kubeconfig.

    Args:
        context: by default the kubeconfig's current one.

    Raises:
        ClusterConfigInvalid: there is no kubeconfig, or it names no such context.
    """

    def __init__(self, context: str | None = None) -> None:
        config = _config(context)
        self.server, self.namespace, self.context = config.cluster.server, config.namespace, config.context_name
        try:
            # its overloads know the classes of Kubernetes itself only
            self._client: Any = Client(
                config=config, timeout=httpx2.Timeout(REQUEST_TIMEOUT_S), field_manager=FIELD_MANAGER
            )
        except (OSError, ValueError, AssertionError, LightkubeConfigError) as cause:
            raise ClusterConfigInvalid(
                f'the kubeconfig\'s context "{config.context_name}" cannot be used: {cause}. See kubectl config view'
            ) from cause

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object.

        Raises:
            ClusterObjectMissing: there is none of the name, or no such kind.
            ClusterForbidden: the person may not.
            ClusterUnreachable: no answer.
        """
        with self._said(f"{kind.kind} {name}", namespace):
            return dict(self._client.get(_resource(kind), name, namespace=self._place(kind, namespace)))

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None where there is none."""
        try:
            return self.get(kind, name, namespace)
        except ClusterObjectMissing:
            return None

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> list[Object]:
        """All of a kind in a namespace that match; errors as for `get`."""
        with self._said(kind.plural, namespace):
            place = self._place(kind, namespace)
            found = self._client.list(_resource(kind), namespace=place, labels=labels, fields=fields, chunk_size=PAGE)
            # in a list the items do not say what they are
            return [{"apiVersion": _api_version(kind), "kind": kind.kind, **dict(each)} for each in found]

    def apply(self, manifest: Object, *, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply of one of our own resources.

        Args:
            manifest: the whole of what is wanted.
            force: take fields over that another manager set.
            dry_run: check everything, keep nothing.

        Raises:
            ClusterObjectInvalid: the server refuses a field; with its own words.
            ClusterConflict: another manager set a field to another value.
        """
        kind, metadata = OWN[manifest["kind"]], manifest["metadata"]
        namespace = self._place(kind, metadata.get("namespace"))
        whole = {**manifest, "metadata": {**metadata, **({"namespace": namespace} if namespace else {})}}
        with self._said(f"{kind.kind} {metadata['name']}", namespace):
            found = self._client.apply(
                _resource(kind)(whole), name=metadata["name"], namespace=namespace, force=force, dry_run=dry_run
            )
            return dict(found)

    def merge(self, kind: Kind, name: str, patch: Object, namespace: str | None = None) -> Object:
        """Merge-patch of one object; errors as for `apply`."""
        with self._said(f"{kind.kind} {name}", namespace):
            place = self._place(kind, namespace)
            return dict(self._client.patch(_resource(kind), name, patch, namespace=place, patch_type=PatchType.MERGE))

    def watch(self, kind: Kind, name: str, namespace: str | None = None) -> Iterator[Object | None]:
        """An object as it is, and again whenever it changed; None once it is deleted, and then no more.

        Asks every two seconds, which needs no verb but get, and a connection that was cut silently costs one time-out.
        A server that is away is waited for, up to five minutes; errors as for `get`.
        """
        seen, away_since = "", None
        while True:
            try:
                found = self.find(kind, name, namespace)
                away_since = None
            except ClusterUnreachable:
                away_since = away_since or time.monotonic()
                if not seen or time.monotonic() - away_since > LONGEST_AWAY_S:
                    raise
                time.sleep(ASK_EVERY_S)
                continue
            if found is None:
                yield None
                return
            if found["metadata"]["resourceVersion"] != seen:
                seen = found["metadata"]["resourceVersion"]
                yield found
            time.sleep(ASK_EVERY_S)

    def events(self, clone: Object) -> list[Object]:
        """What was said about a clone, oldest first."""
        metadata = clone["metadata"]
        fields = {"involvedObject.kind": clone.get("kind", CLONES.kind), "involvedObject.name": metadata["name"]}
        found = self.list(EVENTS, metadata["namespace"], fields=fields)
        own = [each for each in found if each["involvedObject"].get("uid") in (None, metadata["uid"])]
        return sorted(own, key=event_time)

    def pod_log(self, name: str, namespace: str) -> str:
        """The last lines that a pod said."""
        with self._said(f"log of the pod {name}", namespace):
            return "".join(self._client.log(name, namespace=namespace, tail_lines=MOST_OF_LOG))

    def _place(self, kind: Kind, namespace: str | None) -> str | None:
        return (namespace or self.namespace) if kind.is_namespaced else None

    @contextlib.contextmanager
    def _said(self, what: str, namespace: str | None) -> Iterator[None]:
        where = f'{what} in the namespace "{namespace or self.namespace}"'
        try:
            yield
        except ApiError as error:
            raise _spoken(error, where) from error
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            if status == 401:
                raise _credential_refused(self.context) from error
            if status == 404:
                raise ClusterObjectMissing(f"there is no {where}; {_KIND_UNKNOWN}") from error
            raise ClusterUnreachable(f"{self.server} answers {status} for {where}; try again, or ask its admin") from (
                error
            )
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise ClusterUnreachable(
                f'{self.server} of the context "{self.context}" does not answer ({error or type(error).__name__}). '
                "Check the network, and kubectl config current-context"
            ) from error


def event_time(event: Object) -> str:
    """When it was last said, RFC 3339; sorts as text."""
    series = (event.get("series") or {}).get("lastObservedTime")
    found = series or event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    return str(found)


def _spoken(error: ApiError, where: str) -> ClusterError:
    """The server's refusal as one of ours."""
    status = error.status
    code, reason, message = status.code or 0, status.reason or "", status.message or str(error)
    if code == 401:
        return _credential_refused(None)
    refused = _REFUSED.search(message)
    if code == 403 and refused:
        group = f".{refused['group']}" if refused["group"] else ""
        place = f'in the namespace "{refused["namespace"]}"' if refused["namespace"] else "for the whole cluster"
        return ClusterForbidden(
            f'you may not "{refused["verb"]}" {refused["resource"]}{group} {place}. Ask the platform admin for that '
            "verb; docs/cluster-commands.md lists what each command needs"
        )
    unknown = _UNKNOWN_FIELD.search(message)
    if unknown:
        return ClusterObjectInvalid(f"{where}: there is no field {unknown['field']}. See kubectl explain vc.spec")
    causes = [cause for cause in (status.details.causes if status.details else None) or [] if cause.message]
    if code == 409 and reason == "Conflict" and causes:
        fields = "; ".join(f"{cause.field}: {cause.message}" for cause in causes)
        return ClusterConflict(
            f"{where}: somebody else set these fields: {fields}. Leave them out, or take them over with "
            "--force-conflicts"
        )
    if code == 409:
        return ClusterConflict(f"{where}: it was changed meanwhile ({message}). Run the command again")
    if code == 404:
        is_kind = not (status.details and status.details.name) or "could not find" in message
        fix = _KIND_UNKNOWN if is_kind else "look for it with kubectl get, or name another namespace with -n"
        return ClusterObjectMissing(f"there is no {where}; {fix}")
    if code in (400, 403, 422):
        fields = "; ".join(f"{cause.field}: {cause.message}" if cause.field else str(cause.message) for cause in causes)
        return ClusterObjectInvalid(f"{where} is refused: {fields or message}. Mend it and apply again")
    return ClusterUnreachable(f"the API server answers {code} {reason} for {where}: {message}. Try again")


def _credential_refused(context: str | None) -> ClusterCredentialRefused:
    which = f' of the context "{context}"' if context else ""
    return ClusterCredentialRefused(
        f"the API server does not know the credential{which}: it ended or was withdrawn. Get a fresh kubeconfig"
    )


def _config(context: str | None) -> SingleConfig:
    """Of the first file of ``KUBECONFIG``, else ``~/.kube/config``, that has the context."""
    listed = [Path(name) for name in os.environ.get(KUBECONFIG, "").split(os.pathsep) if name]
    files = [path.expanduser() for path in listed or [DEFAULT_KUBECONFIG]]
    there = [path for path in files if path.is_file()]
    if not there:
        names = ", ".join(str(path) for path in files)
        raise ClusterConfigInvalid(f"there is no kubeconfig at {names}; set {KUBECONFIG}, or ask for one")
    loaded: dict[Path, KubeConfig] = {}
    for path in there:
        try:
            loaded[path] = KubeConfig.from_file(path)
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            yaml.YAMLError,
            LightkubeConfigError,
        ) as cause:
            raise ClusterConfigInvalid(f'the kubeconfig "{path}" cannot be read: {cause}; mend it') from cause
    wanted = context or next((one.current_context for one in loaded.values() if one.current_context), None)
    if not wanted:
        raise ClusterConfigInvalid("the kubeconfig has no current context; choose one: kubectl config use-context NAME")
    for one in loaded.values():
        if wanted in one.contexts:
            try:
                return one.get(wanted)  # type: ignore[return-value]  # None only where a default is given
            except (KeyError, LightkubeConfigError) as cause:
                raise ClusterConfigInvalid(
                    f'the context "{wanted}" names a cluster or user that its file does not hold: {cause}'
                ) from cause
    known = ", ".join(sorted({name for one in loaded.values() for name in one.contexts})) or "none"
    raise ClusterConfigInvalid(f'the kubeconfig has no context "{wanted}"; it has {known}')


def _api_version(kind: Kind) -> str:
    return f"{kind.group}/{kind.version}" if kind.group else kind.version


@cache
def _resource(kind: Kind) -> Any:
    make = create_namespaced_resource if kind.is_namespaced else create_global_resource
    return make(kind.group, kind.version, kind.kind, kind.plural)
