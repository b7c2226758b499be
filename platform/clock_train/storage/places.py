"""Where things of a namespace lie in a store: one layout for jobs, the operator and commands.

Every key begins with the namespace (``local`` on a laptop), so that one prefix policy keeps tenants apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_PREFIX = re.compile(r"(?P<namespace>.+)/runs/(?P<uid>[^/]+)/attempt-(?P<attempt>\d+)")


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """One attempt of one run."""

    uid: str
    namespace: str = "local"
    attempt: int = 1

    @property
    def run_prefix(self) -> str:
        """What all attempts share."""
        return f"{self.namespace}/runs/{self.uid}"

    @property
    def prefix(self) -> str:
        """Everything that this attempt writes lies below it."""
        return f"{self.run_prefix}/attempt-{self.attempt}"

    @property
    def checkpoints(self) -> str:
        """Prefix of its ``step-<n>``."""
        return f"{self.prefix}/checkpoints"

    @property
    def student(self) -> RunPlace:
        """The run of the student that this one's voice teaches, in an attempt of the same number."""
        return replace(self, uid=f"{self.uid}-student")

    @classmethod
    def of_prefix(cls, prefix: str) -> RunPlace:
        """The place whose ``prefix`` this is."""
        match = _PREFIX.fullmatch(prefix)
        assert match, prefix
        return cls(uid=match["uid"], namespace=match["namespace"], attempt=int(match["attempt"]))


def bundle_prefix(namespace: str, digest: str) -> str:
    """Where a bundle is committed."""
    return f"{namespace}/bundles/{digest}"


def receipt_key(namespace: str, uid: str) -> str:
    """The list of what was erased of a clone."""
    return f"{namespace}/receipts/{uid}.json"
