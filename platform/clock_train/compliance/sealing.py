"""Prints of voices encrypted where they lie: AES-256-GCM under a key of the installation's own.

A print identifies a person as a fingerprint does. What is sealed is bound to its name: a print that is renamed to
another speaker's does not open. The newest key seals, every older one still opens, so that a key can be replaced.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clock_train.audit.signing import replace_secret, write_new_secret
from clock_train.errors import VoiceRegistryInvalid

KEY_FILE = "voiceprints.key"
KEY_BYTES, NONCE_BYTES = 32, 12
MOST_KEYS = 16


@dataclass(frozen=True, repr=False)
class PrintKeys:
    """The keys of an installation, the newest first."""

    secrets: Sequence[bytes]

    def seal(self, content: bytes, name: str) -> dict[str, str]:
        """What a file holds of some bytes.

        Args:
            content: any bytes.
            name: whose they are; they open under this name only.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.secrets[0]).encrypt(nonce, content, name.encode())
        return {"nonce": base64.b64encode(nonce).decode(), "sealed": base64.b64encode(sealed).decode()}

    def open(self, values: dict[str, str], name: str) -> bytes:
        """The bytes.

        Raises:
            ValueError: none of the keys opens it, or it is another speaker's.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, sealed = (base64.b64decode(values[each], validate=True) for each in ("nonce", "sealed"))
        for key in self.secrets:
            try:
                return AESGCM(key).decrypt(nonce, sealed, name.encode())
            except InvalidTag:
                continue
        raise ValueError("no key of this installation opens it, or it is another speaker's")


def print_keys(folder: Path) -> PrintKeys:
    """The keys in an installation's folder; a fresh one where there is none.

    Raises:
        VoiceRegistryInvalid: the file is no list of keys, others may read it, or it cannot be read or written.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            write_new_secret(path, _file_of([secrets.token_bytes(KEY_BYTES)]))
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise VoiceRegistryInvalid(
                f'"{path}" may be read by others, and who reads it can read the prints of voices. Close it: chmod 600 '
                f"{path}; if others may have read it, also: clocktrain compliance rekey"
            )
        values = json.loads(path.read_text(encoding="ascii"))
        keys = [base64.b64decode(each, validate=True) for each in values["keys"]]
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError("a key has another length")
        return PrintKeys(keys)
    except OSError as error:
        raise VoiceRegistryInvalid(
            f'"{path}" cannot be read or written ({error.strerror}); mend its permissions'
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise VoiceRegistryInvalid(
            f'"{path}" holds no keys of prints; restore it from its copy. Without it the prints are lost: remove both, '
            "and register the voices again"
        ) from error


def add_key(folder: Path) -> PrintKeys:
    """A fresh key before the old ones, which go on opening."""
    keys = [secrets.token_bytes(KEY_BYTES), *print_keys(folder).secrets][:MOST_KEYS]
    replace_secret(folder / KEY_FILE, _file_of(keys))
    return PrintKeys(keys)


def keep_newest(folder: Path) -> None:
    """Forget every key but the newest; what is still sealed with an older one is lost."""
    replace_secret(folder / KEY_FILE, _file_of(print_keys(folder).secrets[:1]))


def _file_of(keys: Sequence[bytes]) -> bytes:
    return (json.dumps({"keys": [base64.b64encode(key).decode() for key in keys]}) + os.linesep).encode("ascii")
