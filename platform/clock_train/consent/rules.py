"""What a consent record allows. Every question has the same answers on a laptop, in a pod and at the gateway."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clock_train.consent.record import DEMONSTRATION, WORLDWIDE, ConsentRecord
from clock_train.errors import ConsentExceeded, ConsentExpired, ConsentInvalid, ConsentMismatch, ConsentRevoked


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What of a record goes with the voice that was made under it."""

    id: str
    kind: str
    purposes: tuple[str, ...]
    territories: tuple[str, ...]
    expiration_time: str | None

    @classmethod
    def of(cls, record: ConsentRecord) -> Grant:
        """The part of a record that a user of the voice must know."""
        return cls(
            id=record.id,
            kind=record.kind,
            purposes=tuple(record.purposes),
            territories=tuple(record.territories),
            expiration_time=record.expiration_time,
        )

    @classmethod
    def of_wire(cls, values: Mapping[str, Any]) -> Grant:
        """From what ``wire`` gave.

        Raises:
            ConsentInvalid: it is nothing of the kind.
        """
        try:
            return cls(
                id=str(values["id"]),
                kind=str(values["kind"]),
                purposes=tuple(map(str, values["purposes"])),
                territories=tuple(map(str, values["territories"])),
                expiration_time=values["expirationTime"],
            )
        except (KeyError, TypeError) as error:
            raise ConsentInvalid(f"a voice's consent cannot be read ({error!r}). Export the voice again") from error

    def wire(self) -> dict[str, Any]:
        """As a voice's card has it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "purposes": list(self.purposes),
            "territories": list(self.territories),
            "expirationTime": self.expiration_time,
        }


def check_in_force(record: ConsentRecord, now: datetime, *, is_revoked: bool = False) -> None:
    """Pass where the record counts at this time.

    Args:
        record: as it was read.
        now: the newest time that is known, so that a clock moved back revives nothing.
        is_revoked: whether a revocation is known that this copy does not show.
    Raises:
        ConsentRevoked, ConsentExpired: it does not count any more.
        ConsentInvalid: it was given later than now.
    """
    if record.revoked or is_revoked:
        raise ConsentRevoked(
            f'the consent "{record.id}" of "{record.speaker_id}" was taken back: nothing may be made from these '
            "recordings any more. Ask the speaker for a new one"
        )
    if record.is_expired(now):
        raise ConsentExpired(
            f'the consent "{record.id}" of "{record.speaker_id}" ended on {record.expiration_time}. Ask the speaker '
            "for a new one"
        )
    given = record.given_at()
    if given is not None and now < given:
        raise ConsentInvalid(
            f'the consent "{record.id}" was given on {record.consent_time}, and this machine\'s clock says '
            f"{now.isoformat(timespec='seconds')}. Set the clock"
        )


def check_speakers(record: ConsentRecord, speakers: Collection[str]) -> None:
    """Pass where the record is of the one speaker; a licence is of exactly its recordings, whoever speaks in them.

    Raises:
        ConsentMismatch: it is of another.
    """
    if record.is_licence:
        return
    others = sorted(set(speakers) - {record.speaker_id})
    if others:
        raise ConsentMismatch(
            f'the consent "{record.id}" is of "{record.speaker_id}", not of "{others[0]}". Put the record of '
            f'"{others[0]}" beside the recordings'
        )


def check_use(grants: Iterable[Grant], *, purposes: Collection[str], territories: Collection[str]) -> None:
    """Pass where every grant covers what the caller says the speech is for.

    Args:
        grants: of the voice; none at all counts as a demonstration.
        purposes: what the caller's speech is for; none counts as a demonstration.
        territories: where it will be heard, ISO 3166 codes; none counts as worldwide.
    Raises:
        ConsentExceeded: one does not; the message names the purpose or territory, and what is covered.
    """
    # the resources of a cluster write them with capitals
    wanted_purposes, wanted_territories = list(purposes) or [DEMONSTRATION], list(territories) or [WORLDWIDE]
    found = list(grants) or [
        Grant(id="none", kind="none", purposes=(DEMONSTRATION,), territories=(WORLDWIDE,), expiration_time=None)
    ]
    for grant in found:
        for purpose in wanted_purposes:
            if purpose.lower() not in {each.lower() for each in grant.purposes}:
                raise _exceeded(grant, "purpose", purpose, grant.purposes)
        for territory in wanted_territories:
            if territory not in grant.territories and WORLDWIDE not in grant.territories:
                raise _exceeded(grant, "territory", territory, grant.territories)


def _exceeded(grant: Grant, what: str, wanted: str, covered: tuple[str, ...]) -> ConsentExceeded:
    return ConsentExceeded(
        f'the consent "{grant.id}" does not cover the {what} "{wanted}"; it covers {", ".join(covered)}. Use the voice '
        "for that, or ask the speaker for a wider consent"
    )
