"""The installation's own Ed25519 key: it signs the log and the labels. One file, mode 0600, never printed."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from clock_train.errors import AuditDamaged, AuditUnwritable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Signer:
    """Signs bytes, and says with which public key they are checked."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> str:
        """Raw, base64."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes) -> str:
        """Base64 of the signature."""
        return base64.b64encode(self._key.sign(content)).decode()


def is_signed(content: bytes, signature: str, public_key: str) -> bool:
    """Whether ``signature`` is that key's over ``content``; whatever is malformed is not."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def open_signer(path: Path) -> Signer:
    """The key in a file; a fresh one where there is none.

    Raises:
        AuditDamaged: the file is no key, or others may read it.
        AuditUnwritable: it cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        if not path.exists():
            write_new_secret(path, Ed25519PrivateKey.generate().private_bytes_raw())
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise AuditDamaged(
                f'"{path}" may be read by others, and who reads it can sign as this installation. Close it: '
                f"chmod 600 {path}; if others may have read it, move it away, and a fresh one is made"
            )
        return Signer(Ed25519PrivateKey.from_private_bytes(path.read_bytes()))
    except OSError as error:
        raise AuditUnwritable(f'"{path}" cannot be read or written ({error.strerror}); mend its permissions') from error
    except ValueError as error:
        raise AuditDamaged(f'"{path}" is no signing key; restore it from its copy') from error


def write_new_secret(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 that appears whole; one that is there already, by whomever, stays."""
    temporary = _written_beside(path, content)
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    os.unlink(temporary)


def replace_secret(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 that appears whole, in the place of one that is there."""
    os.replace(_written_beside(path, content), path)


def _written_beside(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary
