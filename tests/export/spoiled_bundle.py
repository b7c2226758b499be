"""A good bundle made a bad one: bytes changed on their way, or other content under a signature that holds.

The key that signs lies beside the bundle's folder, and is made where it is not there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from clock_train.audit.signing import open_signer
from clock_train.bundle.opening import sign_bundle


def flip(path: Path) -> None:
    """One bit of a file, as a disk or a wire does it; a file that is linked elsewhere stays as it is there."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def sign_again(bundle: Path, key: str = "signing.key") -> None:
    sign_bundle(bundle, (bundle / "voice.json").read_bytes(), open_signer(bundle.parent / key))


def changed(bundle: Path, **changes: object) -> None:
    """Another card, signed again by the same key: only its content is wrong."""
    values = {**json.loads((bundle / "voice.json").read_text()), **changes}
    (bundle / "voice.json").write_text(json.dumps(values))
    sign_again(bundle)


def replaced(bundle: Path, name: str, content: bytes) -> None:
    """Another file, listed and signed."""
    (bundle / name).write_bytes(content)
    files = json.loads((bundle / "voice.json").read_text())["files"]
    changed(bundle, files={**files, name: hashlib.sha256(content).hexdigest()})
