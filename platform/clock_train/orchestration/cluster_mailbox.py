"""The mailbox of a clone in a cluster: one ConfigMap, which the pod's own account may read and patch and nothing else.

Two requests of the API, with the token that Kubernetes mounts; a client library of the whole API would be 30 times the
code and half the memory of an operator.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clock_train.crd.names import RUN
from clock_train.errors import MailboxUnreachable

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S = 10.0
MOST_BYTES = 512 * 1024
"""Of an answer: a ConfigMap holds at most 1 MiB, and this one a letter."""


class ConfigMapMailbox:
    """``data.progress`` is the job's, ``data.control`` the operator's.

    Args:
        namespace: of the ConfigMap.
        name: of the ConfigMap.
        account: folder with ``token`` and ``ca.crt``; the token is read anew each time, since it is replaced.
        server: of the API; by default where Kubernetes says.

    Raises:
        MailboxUnreachable: this is no pod, or its account's token is not mounted.
    """

    def __init__(self, namespace: str, name: str, *, account: Path = ACCOUNT, server: str | None = None) -> None:
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if server is None and not host:
            raise MailboxUnreachable("there is no Kubernetes API here; --mailbox configmap:... is for pods")
        self._url = f"{server or f'https://{host}:{port}'}/api/v1/namespaces/{namespace}/configmaps/{name}"
        self._account = account
        try:
            self._context = ssl.create_default_context(cafile=str(account / "ca.crt"))
        except OSError as error:
            raise MailboxUnreachable(
                f"the account's certificate is not at {account} ({error.strerror}); mount the account's token"
            ) from error

    def post(self, progress: Mapping[str, Any]) -> None:
        """Replace ``data.progress``."""
        patch = {"data": {"progress": json.dumps(progress, ensure_ascii=False)}}
        self._ask("PATCH", json.dumps(patch).encode(), "application/merge-patch+json")

    def control(self) -> str:
        """The word in ``data.control``; ``run`` where there is none."""
        found = json.loads(self._ask("GET"))
        return str((found.get("data") or {}).get("control") or RUN)

    def _ask(self, method: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        try:
            token = (self._account / "token").read_text(encoding="utf-8").strip()
            request = urllib.request.Request(self._url, data=body, method=method)
            request.add_header("Authorization", f"Bearer {token}")
            request.add_header("Content-Type", kind)
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context) as answer:
                return answer.read(MOST_BYTES)
        except urllib.error.HTTPError as error:
            raise MailboxUnreachable(f"the API answers {error.code} for the mailbox {self._url}") from error
        except OSError as error:
            raise MailboxUnreachable(f"the API does not answer for the mailbox: {error}") from error
