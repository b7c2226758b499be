"""Who read which voice, or whose recordings: a line in the log of what was spoken, before anything is read.

Whoever speaks with a voice is named in that sound's own line. Persons are named by what they are to a machine: the
number of a user, or the id of an API key.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from clock_train.issuing.installation import Installation

KIND = "access"
"""Of such lines."""
ASKED_DIRECTLY = "triton"
"""Of sounds that somebody asked the model's server for, past the doors, which know who asks."""
SERVER = "server"
"""Of what a server does without being asked by anybody."""


class Access(StrEnum):
    """What was done with a voice or recordings."""

    TRAIN = "train"
    """A voice is trained from recordings."""
    TUNE = "tune"
    """A new voice starts from this one."""
    TEACH = "teach"
    """A student learns from it."""
    EXPORT = "export"
    """It is written as a bundle, which can be carried away."""
    LOAD = "load"
    """A server holds it in memory."""
    DISCLOSE = "disclose"
    """What is held about a speaker is handed out."""


def local_user() -> str:
    """Whoever runs this process, as ``user:1000``."""
    return f"user:{os.getuid()}"


def record_access(
    installation: Installation,
    access: Access,
    *,
    voice: str | None = None,
    speakers: Sequence[str] = (),
    by: str | None = None,
    digest: str | None = None,
    consent_ids: Sequence[str] = (),
) -> None:
    """Write the line; when this returns it is kept.

    Args:
        installation: whose log.
        access: what is about to be done.
        voice: name of it, with its version where it has one; None where recordings are read.
        speakers: pseudonyms.
        by: who does; by default the local user.
        digest: of the voice's bundle, or of the corpus' revision.
        consent_ids: under which.
    Raises:
        AuditUnwritable, AccountsUnavailable: nothing may be read then.
    """
    facts: dict[str, Any] = {"access": access.value, "by": by or local_user(), "speakers": list(speakers)}
    facts |= {name: value for name, value in (("voice", voice), ("digest", digest)) if value}
    if consent_ids:
        facts["consentIds"] = list(consent_ids)
    installation.log().append(KIND, facts)
