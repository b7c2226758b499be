"""API keys as values: how one is written, what of it is kept, and what its holder may do.

A key reads ``ct_live_<id>_<secret>``: a prefix that scanners of leaked secrets look for, an id to find it by, and 32
random bytes. Of the secret only the SHA-256 is kept: it cannot be guessed, so that no slow hash is needed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from clock_train.errors import ApiKeyExpired, ApiKeyInvalid, ConfigValueInvalid, ScopeMissing

PREFIX = "ct_live_"
ID_LETTERS, ID_ALPHABET = 8, string.ascii_lowercase + string.digits
SECRET_BYTES = 32
MAX_QPS = 100
MAX_CHARACTERS_A_DAY = 10**12
MAX_NAME = 63
"""Letters of a tenant: that of a namespace."""
MAX_NOTE, MAX_PATTERNS, MAX_PATTERN = 200, 100, 100
MAX_USES = 250
_PURPOSE, _TERRITORY = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}", re.ASCII), re.compile(r"[A-Z]{2}|worldwide", re.ASCII)
_TEXT = re.compile(r"ct_live_([a-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_INVALID = "the API key is missing, unknown, wrong or revoked; send a valid one as authorization: Bearer ct_live_..."


class KeyScope(StrEnum):
    """What a key may be used for."""

    SPEECH_SYNTHESIZE = "speech:synthesize"
    VOICES_READ = "voices:read"
    VOICES_ADMIN = "voices:admin"
    USAGE_READ = "usage:read"
    AUDIT_READ = "audit:read"
    ADMIN_KEYS = "admin:keys"


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """One key as the store has it: everything but its secret."""

    id: str
    secret_sha256: str = field(repr=False)
    tenant: str
    scopes: frozenset[KeyScope]
    voices: tuple[str, ...] = ("*",)
    """Patterns such as ``anna*``; a voice that one of them fits may be heard."""
    qps: int = 10
    """Requests in one second, over all replicas."""
    characters_a_day: int = 0
    """Of one UTC day; 0: no limit."""
    created: datetime
    expires: datetime | None = None
    revoked_at: datetime | None = None
    note: str = ""
    purposes: tuple[str, ...] = ()
    """What the speech is for, as consents name it; none: demonstrations."""
    territories: tuple[str, ...] = ()
    """Where it will be heard, ISO 3166 codes; none: worldwide."""
    quota_id: str
    """Whose counters it uses: its own id, or that of the key that it replaces, so that rotating frees no quota."""

    def __post_init__(self) -> None:
        if not self.tenant.strip() or len(self.tenant) > MAX_NAME or not self.tenant.isprintable():
            raise ConfigValueInvalid(f"the tenant is no name of 1 to {MAX_NAME} printable letters; give one")
        if not self.scopes:
            raise ConfigValueInvalid(f"the key has no scope; give one of {', '.join(KeyScope)}")
        if not 1 <= self.qps <= MAX_QPS:
            raise ConfigValueInvalid(f"qps is {self.qps}; give a number from 1 to {MAX_QPS}")
        if not 0 <= self.characters_a_day <= MAX_CHARACTERS_A_DAY:
            raise ConfigValueInvalid(
                f"characters a day are {self.characters_a_day}; give 0 (no limit) to {MAX_CHARACTERS_A_DAY}"
            )
        if not 1 <= len(self.voices) <= MAX_PATTERNS or not all(
            0 < len(pattern) <= MAX_PATTERN and pattern.isprintable() for pattern in self.voices
        ):
            raise ConfigValueInvalid(
                f"the voices are no 1 to {MAX_PATTERNS} patterns of at most {MAX_PATTERN} letters; give such as anna*"
            )
        if len(self.purposes) > MAX_USES or not all(_PURPOSE.fullmatch(purpose) for purpose in self.purposes):
            raise ConfigValueInvalid(
                f"the purposes are no at most {MAX_USES} words of letters, digits and dashes; give such as "
                "customer-service"
            )
        if len(self.territories) > MAX_USES or not all(_TERRITORY.fullmatch(each) for each in self.territories):
            raise ConfigValueInvalid(
                f"the territories are no at most {MAX_USES} ISO 3166 codes; give such as CN, or worldwide"
            )
        if len(self.note) > MAX_NOTE or not (self.note.isprintable()):
            raise ConfigValueInvalid(f"the note is no line of at most {MAX_NOTE} letters; give a shorter one")

    def require(self, scope: KeyScope) -> None:
        """Refuse what the key was not made for.

        Raises:
            ScopeMissing: it lacks the scope.
        """
        if scope not in self.scopes:
            raise ScopeMissing(f"the key {self.id} lacks the scope {scope}; use a key that has it")

    def may_hear(self, voice_name: str) -> bool:
        """Whether one of its patterns fits; capitals count."""
        return any(fnmatchcase(voice_name, pattern) for pattern in self.voices)

    def check(self, secret: str, now: datetime) -> None:
        """Refuse a secret that is not this key's, and a key that is over.

        Raises:
            ApiKeyInvalid: wrong or revoked.
            ApiKeyExpired: right, but over; only who holds the secret learns it.
        """
        if not hmac.compare_digest(sha256_of(secret), self.secret_sha256) or self.revoked_at is not None:
            raise invalid()
        if self.expires is not None and now >= self.expires:
            raise ApiKeyExpired(
                f"the key {self.id} ended at {self.expires.isoformat()}; use the one that replaced it, or have one made"
            )


def new_key_text() -> tuple[str, str, str]:
    """(text, id, secret) of a new key; the text is shown once and kept nowhere."""
    key_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LETTERS))
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    return f"{PREFIX}{key_id}_{secret}", key_id, secret


def parse(text: str | None) -> tuple[str, str]:
    """(id, secret) of a key's text.

    Raises:
        ApiKeyInvalid: there is none, or it is written otherwise.
    """
    found = _TEXT.fullmatch(text or "")
    if found is None:
        raise invalid()
    return found[1], found[2]


def sha256_of(secret: str) -> str:
    """What is kept of a secret, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def invalid() -> ApiKeyInvalid:
    """One error for every key that is not let in, so that it tells nothing."""
    return ApiKeyInvalid(_INVALID)
