"""Whether consents are in force still: asked before something is made with a voice, and while it is."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from clock_train.consent.registry import ConsentRegistry
from clock_train.consent.rules import Grant
from clock_train.errors import ConsentExpired, ConsentRevoked

REMEMBERED_S = 0.5
"""What was taken back is looked up again after so long."""


class ConsentWatch:
    """Asks the revocations and the newest time of one installation, twice a second; for any number of threads."""

    def __init__(self, registry: ConsentRegistry) -> None:
        self._registry = registry
        self._looked, self._revoked, self._now = -REMEMBERED_S, dict[str, str](), datetime.now(UTC)

    def check(self, grants: Iterable[Grant], what: str) -> None:
        """Pass where all of them are in force.

        Args:
            grants: of the speakers.
            what: is made with them, for the message, such as ``the voice "anna"``.
        Raises:
            ConsentRevoked, ConsentExpired: one is not.
            AuditDamaged: it cannot be known.
        """
        now = time.monotonic()
        if now - self._looked >= REMEMBERED_S:
            self._revoked = self._registry.revoked()
            self._now = self._registry.newest_time(datetime.now(UTC))
            self._looked = now
        for grant in grants:
            if grant.id in self._revoked:
                raise ConsentRevoked(f'the consent "{grant.id}" to {what} was taken back: it may not be used any more')
            if grant.expiration_time is not None and self._now >= datetime.fromisoformat(grant.expiration_time):
                raise ConsentExpired(
                    f'the consent "{grant.id}" to {what} ended on {grant.expiration_time}: it may not be used any '
                    "more. Ask the speaker for a new one"
                )
