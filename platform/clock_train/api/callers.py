"""Who asks, whether they may, and what they used. Without accounts, on loopback only, everybody may everything.

A place in this second and the characters are taken before anything is spoken, and what was sent is settled at the end.
A sound that the server failed to finish is not counted; one that its client left is counted with all its characters and
the seconds that were sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clock_train.accounts.gatekeeper import Gatekeeper
from clock_train.accounts.keys import ApiKey, KeyScope
from clock_train.accounts.rates import Allowance
from clock_train.accounts.usage import Reservation
from clock_train.errors import AccountError

NOBODY = "default"
"""The tenant where there are no accounts."""
ON_LOOPBACK = "loopback"
"""Who asks where there are no accounts, for the log."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How a key stands after a request was let in."""

    requests: Allowance
    characters: Allowance


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    callers: Callers
    key: ApiKey | None = None

    @property
    def tenant(self) -> str:
        """Whose lexicons and usage it is."""
        return NOBODY if self.key is None else self.key.tenant

    @property
    def name(self) -> str:
        """For the log: the key's id, which is no secret."""
        return ON_LOOPBACK if self.key is None else f"key:{self.key.id}"

    @property
    def uses(self) -> tuple[Sequence[str], Sequence[str]]:
        """What the speech is for, and where it will be heard."""
        return self.callers.uses if self.key is None else (self.key.purposes, self.key.territories)

    def may_hear(self, voice_name: str) -> bool:
        """Whether a voice is there for this caller."""
        return self.key is None or self.key.may_hear(voice_name)

    async def let_in(self) -> Admission:
        """Take a place in this second.

        Raises:
            RateLimitExceeded: there is none.
            AccountsUnavailable: nobody can say.
        """
        gatekeeper, key = self.callers.gatekeeper, self.key
        if gatekeeper is None or key is None:
            return Admission()
        return Admission(gatekeeper, key, await asyncio.to_thread(gatekeeper.take_request, key))

    def refused(self, code: str) -> None:
        """Count a refusal."""
        if self.callers.gatekeeper is not None:
            self.callers.gatekeeper.refuse(code, self.key)


class Admission:
    """A request that was let in; ``reserve`` what it is to say, and ``settle`` it in any case."""

    def __init__(
        self, gatekeeper: Gatekeeper | None = None, key: ApiKey | None = None, requests: Allowance | None = None
    ) -> None:
        self._gatekeeper, self._key, self._requests = gatekeeper, key, requests
        self._reservations: list[Reservation] = []
        self.limits: Limits | None = None

    async def reserve(self, voices: Mapping[str, int]) -> None:
        """Take characters of the day before they are spoken.

        Args:
            voices: characters that each is to say.

        Raises:
            QuotaExhausted: the day has fewer left; nothing was taken.
            AccountsUnavailable: nobody can say.
        """
        gatekeeper, key, requests = self._gatekeeper, self._key, self._requests
        if gatekeeper is None or key is None or requests is None:
            return
        for voice, count in voices.items():
            reservation, characters = await asyncio.to_thread(gatekeeper.reserve, key, voice, count)
            self._reservations.append(reservation)
            self.limits = Limits(requests=requests, characters=characters)

    def settle(self, *, is_sent: bool, audio_seconds: float) -> None:
        """Count what was sent, or give it back. Only the first call counts."""
        taken, self._reservations = self._reservations, []
        whole = sum(reservation.characters for reservation in taken) or 1
        for reservation in taken:
            assert self._gatekeeper is not None
            self._gatekeeper.settle(
                reservation,
                characters=reservation.characters if is_sent else 0,
                audio_seconds=audio_seconds * reservation.characters / whole if is_sent else 0.0,
            )


class Callers:
    """Knows keys.

    Args:
        gatekeeper: of the accounts; None lets everybody in.
        has_open_lists: whether models and voices are listed for who has no key, as some stock pages ask for them.
        uses: purposes and territories of who needs no key.
    """

    def __init__(
        self,
        gatekeeper: Gatekeeper | None,
        *,
        has_open_lists: bool = False,
        uses: tuple[Sequence[str], Sequence[str]] = ((), ()),
    ) -> None:
        self.gatekeeper, self._has_open_lists, self.uses = gatekeeper, has_open_lists, uses

    async def identify(self, authorization: str | None, scope: KeyScope, *, is_list: bool = False) -> Caller:
        """Who asks, if they may.

        Args:
            authorization: of the header or the metadata.
            scope: that is needed.
            is_list: whether only what there is is asked for.

        Raises:
            ApiKeyInvalid, ApiKeyExpired, ScopeMissing, AccountsUnavailable: they may not.
        """
        gatekeeper = self.gatekeeper
        if gatekeeper is None or (is_list and self._has_open_lists and not authorization):
            return Caller(self)
        try:
            key = await asyncio.to_thread(gatekeeper.identify, authorization)
        except AccountError as error:
            gatekeeper.refuse(error.code)
            raise
        caller = Caller(self, key)
        try:
            key.require(scope)
        except AccountError as error:
            caller.refused(error.code)
            raise
        return caller
