"""Whether a voice may speak, now, and for what the caller's key is for: the consents that its bundle names.

In a cluster the operator takes a voice off the serving table as soon as its consent is gone; here the dates of the
bundle and the revocations of this installation are looked at, before a sound begins and while it leaves.
"""

from __future__ import annotations

from collections.abc import Collection

from clock_train.bundle.card import VoiceCard
from clock_train.consent.registry import ConsentRegistry
from clock_train.consent.rules import check_use
from clock_train.consent.watch import ConsentWatch


class ConsentGate:
    """Asks the consents of one installation; for any number of threads."""

    def __init__(self, registry: ConsentRegistry) -> None:
        self._watch = ConsentWatch(registry)

    def check(self, card: VoiceCard, *, purposes: Collection[str], territories: Collection[str]) -> None:
        """Pass where every speaker agreed to this.

        Raises:
            ConsentRevoked, ConsentExpired: one does not agree any more.
            ConsentExceeded: one never agreed to such a use.
            AuditDamaged: it cannot be known.
        """
        self.check_in_force(card)
        check_use(card.grants(), purposes=purposes, territories=territories)

    def check_in_force(self, card: VoiceCard) -> None:
        """The first half: whether they agree still.

        Raises:
            ConsentRevoked, ConsentExpired: one does not.
            AuditDamaged: it cannot be known.
        """
        self._watch.check(card.grants(), f'the voice "{card.name}"')
