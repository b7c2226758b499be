"""What counts as personal data in a transcript, and one finding of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """A kind of personal data; its value stands in reports and, in capitals, in masked transcripts."""

    NAME = "name"
    PHONE = "phone"
    ID_CARD = "id-card"
    BANK_CARD = "bank-card"
    PASSPORT = "passport"
    ADDRESS = "address"
    MAIL = "mail"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A stretch of a text that is personal data."""

    kind: Kind
    start: int
    """Of its first character in the text."""
    end: int
    """One past its last character."""
    confidence: float
    """0 to 1: 0.95 and more for a checksum or a form that nothing else has, 0.6 for a bare first name. No probability:
    it ranks rules, and decides between two that overlap."""
