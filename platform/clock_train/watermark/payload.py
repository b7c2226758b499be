"""The 48 bits that a mark carries: whose tenant, which voice, which consent, which day. Numbers only, never a name.

The issue log says what the numbers mean. Voice and day come first in the sound (the header), because they name the key
under which the rest is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from clock_train.errors import WatermarkPayloadInvalid

TENANT_BITS, VOICE_BITS, CONSENT_BITS, DAY_BITS = 10, 12, 12, 14
PAYLOAD_BITS = TENANT_BITS + VOICE_BITS + CONSENT_BITS + DAY_BITS
DAY_ZERO = date(2025, 1, 1)
"""Day 0; fourteen bits last until 2069."""
_HEX = re.compile(rf"[0-9a-fA-F]{{{PAYLOAD_BITS // 4}}}")


@dataclass(frozen=True, kw_only=True)
class Payload:
    """Four numbers; what does not fit its bits is refused."""

    tenant: int
    voice: int
    consent: int
    day: int
    """Days since ``DAY_ZERO``."""

    def __post_init__(self) -> None:
        for name, bits in (("tenant", 10), ("voice", 12), ("consent", 12), ("day", 14)):
            value = getattr(self, name)
            if not 0 <= value < 1 << bits:
                raise WatermarkPayloadInvalid(f"{name} is {value}; a mark has room for 0 to {(1 << bits) - 1}")

    @classmethod
    def from_hex(cls, text: str) -> Payload:
        """Twelve hexadecimal digits.

        Raises:
            WatermarkPayloadInvalid: anything else.
        """
        if not _HEX.fullmatch(text):
            raise WatermarkPayloadInvalid(
                f'"{text}" is no payload; give {PAYLOAD_BITS // 4} hexadecimal digits ({PAYLOAD_BITS} bits), such as '
                "00400100c2b5"
            )
        value = int(text, 16)
        fields = {}
        for name, bits in (("day", DAY_BITS), ("consent", CONSENT_BITS), ("voice", VOICE_BITS), ("tenant", 10)):
            fields[name] = value & (1 << bits) - 1
            value >>= bits
        return cls(**fields)

    @property
    def hex(self) -> str:
        """Twelve digits: tenant, voice, consent, day."""
        value = self.tenant
        for number, bits in ((self.voice, VOICE_BITS), (self.consent, CONSENT_BITS), (self.day, DAY_BITS)):
            value = value << bits | number
        return f"{value:0{PAYLOAD_BITS // 4}x}"

    @property
    def date(self) -> date:
        """The day as a date."""
        return DAY_ZERO + timedelta(days=self.day)

    def as_plain(self) -> dict[str, int | str]:
        """The numbers, and the day as a date."""
        return {"tenant": self.tenant, "voice": self.voice, "consent": self.consent, "day": self.date.isoformat()}

    def words(self) -> str:
        """For people."""
        return f"tenant {self.tenant}, voice {self.voice}, consent {self.consent}, {self.date}"


def day_number(day: date) -> int:
    """Days since ``DAY_ZERO``."""
    return (day - DAY_ZERO).days
