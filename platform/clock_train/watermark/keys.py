"""A tenant's watermark keys as a file: JSON, mode 0600, never printed.

A file holds several secrets with the days on which each was used for embedding; rotating adds one and ends the one
before it. Secrets of the past stay, since sounds of the past are still to be found.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from clock_train.errors import (
    WatermarkKeyExists,
    WatermarkKeyExposed,
    WatermarkKeyForeign,
    WatermarkKeyInvalid,
    WatermarkKeyMissing,
)
from clock_train.watermark.pattern import QuarterKey
from clock_train.watermark.payload import TENANT_BITS

SCHEMA_VERSION = 1
SECRET_BYTES = 32
CLOCK_SKEW = timedelta(days=1)
"""Sounds of a machine whose clock is ahead are still found."""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One secret and the days on which it marks."""

    id: str
    secret: bytes = field(repr=False)
    first_day: date
    last_day: date | None = None
    """None: still in use."""


@dataclass(frozen=True, kw_only=True)
class TenantKeys:
    """All secrets of one tenant, the oldest first."""

    tenant: str
    tenant_number: int
    """What a payload carries of the name."""
    secrets: tuple[Secret, ...]

    def embedding_key(self, day: date) -> QuarterKey:
        """The key that marks a sound of that day.

        Raises:
            WatermarkKeyInvalid: no secret is valid on it.
        """
        for secret in reversed(self.secrets):
            if secret.first_day <= day and (secret.last_day is None or day <= secret.last_day):
                return QuarterKey(secret.id, quarter_of(day), secret.secret)
        raise WatermarkKeyInvalid(
            f'no key of "{self.tenant}" is valid on {day}; check the clock, or add one: clocktrain watermark rotate'
        )

    def detection_keys(self, today: date) -> list[QuarterKey]:
        """Every key under which a sound may have been marked until today: one a secret and quarter."""
        found = []
        for secret in self.secrets:
            last = min(today + CLOCK_SKEW, secret.last_day or date.max)
            quarters = dict.fromkeys(_quarters(secret.first_day, last))
            found += [QuarterKey(secret.id, quarter, secret.secret) for quarter in quarters]
        return found


def quarter_of(day: date) -> str:
    """Such as 2026Q4."""
    return f"{day.year}Q{(day.month + 2) // 3}"


def new_keys(tenant: str, today: date) -> TenantKeys:
    """Keys with one fresh secret. The tenant's number is drawn with it."""
    if not tenant.strip():
        raise WatermarkKeyInvalid("the tenant has no name; give one with --tenant")
    return TenantKeys(tenant=tenant, tenant_number=secrets.randbelow(1 << TENANT_BITS), secrets=(_fresh(today),))


def rotated(keys: TenantKeys, today: date) -> TenantKeys:
    """The same with a fresh secret from today on; the one before ends today."""
    ended = tuple(
        replace(each, last_day=today) if each.last_day is None or each.last_day > today else each
        for each in keys.secrets
    )
    return replace(keys, secrets=(*ended, _fresh(today)))


def write_keys(path: Path, keys: TenantKeys, *, replacing: bool = False) -> None:
    """Write a key file with mode 0600, whole or not at all.

    Raises:
        WatermarkKeyExists: there is one, and ``replacing`` is not set.
    """
    if path.exists() and not replacing:
        raise WatermarkKeyExists(
            f'"{path}" is there already, and sounds marked with it are found only by it. Give another name, or add a '
            f"secret to it: clocktrain watermark rotate {path}"
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {
        "schemaVersion": SCHEMA_VERSION,
        "tenant": keys.tenant,
        "tenantNumber": keys.tenant_number,
        "keys": [
            {
                "id": each.id,
                "secret": base64.b64encode(each.secret).decode(),
                "from": each.first_day.isoformat(),
                "until": each.last_day.isoformat() if each.last_day else None,
            }
            for each in keys.secrets
        ],
    }
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    if replacing:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # unlike a rename, this never replaces what another process wrote meanwhile
    except FileExistsError as error:
        raise WatermarkKeyExists(f'"{path}" was just made by another process; use it, or give another name') from error
    finally:
        os.unlink(temporary)


def read_keys(path: str | Path, *, tenant: str | None = None) -> TenantKeys:
    """Read and check a key file.

    Args:
        path: the file.
        tenant: whose it must be, where the caller knows.
    Raises:
        WatermarkKeyMissing: no such file.
        WatermarkKeyExposed: others than its owner may read it.
        WatermarkKeyInvalid: it is no key file.
        WatermarkKeyForeign: it is another tenant's.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise WatermarkKeyMissing(
            f'there is no key file "{path}"; make one: clocktrain watermark new-key {path} --tenant NAME'
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise WatermarkKeyInvalid(f'"{path}" cannot be read as a key file ({error}); name the right file') from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WatermarkKeyExposed(
            f'"{path}" may be read or changed by others (mode {stat.S_IMODE(mode):04o}), and who reads it can forge '
            f"marks. Close it: chmod 600 {path}; if others may have read it, rotate: clocktrain watermark rotate {path}"
        )
    keys = _keys_of(path, text)
    if tenant is not None and keys.tenant != tenant:
        raise WatermarkKeyForeign(
            f'"{path}" holds the keys of "{keys.tenant}", not of "{tenant}"; name the key file of "{tenant}"'
        )
    return keys


def _keys_of(path: Path, text: str) -> TenantKeys:
    try:
        values: dict[str, Any] = json.loads(text)
        if values["schemaVersion"] != SCHEMA_VERSION:
            raise ValueError(f"schemaVersion is {values['schemaVersion']}, not {SCHEMA_VERSION}")
        found = [_secret_of(each) for each in values["keys"]]
        if (
            not found
            or not isinstance(values["tenant"], str)
            or not 0 <= int(values["tenantNumber"]) < 1 << TENANT_BITS
        ):
            raise ValueError("no keys, or no tenant")
        return TenantKeys(tenant=values["tenant"], tenant_number=int(values["tenantNumber"]), secrets=tuple(found))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        # the text of the error may hold a part of the file: it is not repeated
        raise WatermarkKeyInvalid(
            f'"{path}" is no watermark key file ({type(error).__name__}); restore its copy, or name the right file'
        ) from None


def _secret_of(values: dict[str, Any]) -> Secret:
    secret = base64.b64decode(values["secret"], validate=True)
    if len(secret) != SECRET_BYTES:
        raise ValueError("a secret of the wrong length")
    return Secret(
        id=str(values["id"]),
        secret=secret,
        first_day=date.fromisoformat(values["from"]),
        last_day=date.fromisoformat(values["until"]) if values.get("until") else None,
    )


def _fresh(today: date) -> Secret:
    # the day, for people, and a random part, so that two tenants' keys never share a name
    return Secret(id=f"{today}-{secrets.token_hex(3)}", secret=secrets.token_bytes(SECRET_BYTES), first_day=today)


def _quarters(first: date, last: date) -> list[str]:
    found, month = [], date(first.year, (first.month - 1) // 3 * 3 + 1, 1)
    while month <= last:
        found.append(quarter_of(month))
        month = date(month.year + (month.month == 10), month.month % 12 + 3 if month.month != 10 else 1, 1)
    return found
