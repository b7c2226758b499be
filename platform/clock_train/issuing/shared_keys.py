"""Keys that several programs share, such as pods by a Secret; ``CLOCKTRAIN_KEYS`` says where they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from clock_train.audit.signing import open_signer
from clock_train.errors import WatermarkKeyExists
from clock_train.issuing.installation import SIGNING_KEY, WATERMARK_KEY
from clock_train.watermark.keys import new_keys, write_keys


@dataclass(frozen=True, kw_only=True)
class SharedKeys:
    """What may be told of them."""

    signer: str
    """Public key, base64."""
    key_id: str
    """Of the secret that marks."""


def write_shared_keys(folder: Path, tenant: str, today: date) -> SharedKeys:
    """Make ``signing.key`` and ``watermark-key.json``, of mode 0600.

    Raises:
        WatermarkKeyExists: one of them is there; nothing is touched.
        WatermarkKeyInvalid: no name of a tenant.
        AuditUnwritable: the folder cannot be written.
    """
    if (folder / SIGNING_KEY).exists():
        raise WatermarkKeyExists(f'"{folder / SIGNING_KEY}" is there already and is kept; name another folder')
    keys = new_keys(tenant, today)
    write_keys(folder / WATERMARK_KEY, keys)
    return SharedKeys(signer=open_signer(folder / SIGNING_KEY).public_key, key_id=keys.secrets[-1].id)
