"""What each command that speaks to a cluster needs to be allowed, as rules of a role.

``docs/cluster-commands.md`` shows this table, and a test runs each command as somebody who holds just these.
"""

from __future__ import annotations

from dataclasses import dataclass

from clock_train.cluster.kinds import CHILDREN, CLONES, CONFIG_MAPS, CONSENTS, EVENTS, PODS, RUNTIMES, Kind


@dataclass(frozen=True)
class Permission:
    """Some verbs on one kind."""

    verbs: tuple[str, ...]
    kind: Kind
    subresource: str = ""
    if_absent: str = ""
    """What the command does without; empty where it cannot do without."""

    @property
    def resource(self) -> str:
        """As a rule of a role names it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    @property
    def is_needed(self) -> bool:
        """Whether the command fails without it."""
        return not self.if_absent


_READ = Permission(("get",), CLONES)
_PATCH = Permission(("patch",), CLONES)
_WRITE = Permission(("get", "create", "patch"), CLONES)
_READ_AND_PATCH = Permission(("get", "patch"), CLONES)
_NAMED = "it is left out and named in warnings.txt"
PERMISSIONS: dict[str, tuple[Permission, ...]] = {
    "plan --cluster": (
        _WRITE,
        Permission(("get",), RUNTIMES, if_absent="a note says that prices are unknown"),
        Permission(("get",), CONSENTS, if_absent="a note says that consents are not checked"),
    ),
    "apply": (_WRITE,),
    "status": (_READ, Permission(("get",), CONSENTS, if_absent="the end of a consent is not shown")),
    "events": (_READ, Permission(("list",), EVENTS)),
    "logs": (_READ, Permission(("get",), RUNTIMES)),
    "suspend": (_PATCH,),
    "resume": (_PATCH,),
    "retry": (_PATCH,),
    "pause": (_PATCH,),
    "unpause": (_PATCH,),
    "voices list": (Permission(("get",), CONFIG_MAPS),),
    "voices promote": (_READ_AND_PATCH,),
    "voices canary": (_READ_AND_PATCH,),
    "voices rollback": (_READ_AND_PATCH,),
    "report": (
        _READ,
        Permission(("get",), RUNTIMES, if_absent=_NAMED),
        Permission(("get",), CONSENTS, if_absent=_NAMED),
        Permission(("list",), EVENTS, if_absent=_NAMED),
        *(Permission(("list",), kind, if_absent=_NAMED) for kind in CHILDREN),
        Permission(("get",), PODS, "log", if_absent=_NAMED),
    ),
}
"""Command → what it needs. ``plan`` and ``apply`` need the same verbs on consents and runtimes that the file holds."""


def table() -> list[str]:
    """Rows of the page: command, verbs, resource, without it."""
    rows = []
    for command, permissions in PERMISSIONS.items():
        for permission in permissions:
            group = f".{permission.kind.group}" if permission.kind.group else ""
            resource = f"{permission.resource}{group}" if not permission.subresource else permission.resource
            without = permission.if_absent or "the command fails and names the verb"
            scope = "namespace" if permission.kind.is_namespaced else "cluster"
            rows.append(f"| `{command}` | {', '.join(permission.verbs)} | `{resource}` | {scope} | {without} |")
    return rows
