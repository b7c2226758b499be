"""A signed bundle: its signature over ``voice.json``, and opening it only when everything holds.

``signature`` is JSON with the signer's public key and an Ed25519 signature of the bytes of ``voice.json``, which holds
the sha256 of every other file; so one signature covers all. The key in the file proves nothing by itself: a bundle
opens only if the reader trusts that key.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.audit.signing import Signer, is_signed
from clock_train.bundle.card import (
    CARD,
    SPEAKERS,
    VoiceCard,
    parse_card,
    read_card_bytes,
    read_file,
    verify_files,
)
from clock_train.errors import BundleDamaged, BundleInventoryForeign, BundleSignerUnknown, BundleUnsigned
from clock_train.text.inventory import INVENTORY_ID

SIGNATURE = "signature"
WHOLE_GRAPH, TEXT_GRAPH, DECODER_GRAPH = "model.onnx", "text.onnx", "decoder.onnx"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose signature, schema and phone inventory hold; files are checked as they are read."""

    folder: Path
    card: VoiceCard
    values: Mapping[str, Any]
    """All of ``voice.json``."""
    signer: str
    """Public key that signed it, base64."""
    digest: str
    """sha256 of ``voice.json``: what names the bundle in storage."""

    @property
    def sample_rate_hz(self) -> int:
        """Of what it speaks.

        Raises:
            BundleDamaged: its card does not say.
        """
        try:
            return int(self.values["sampleRate"])
        except (KeyError, TypeError, ValueError) as error:
            raise self.unusable("its card gives no sample rate") from error

    @property
    def hop_samples(self) -> int:
        """Of one frame, in which durations are counted.

        Raises:
            BundleDamaged: its card does not say.
        """
        try:
            return int(self.values["graphs"]["hopSamples"])
        except (KeyError, TypeError, ValueError) as error:
            raise self.unusable(f"its card does not say how its graphs run ({error})") from error

    def content(self, name: str) -> bytes:
        """The bytes of one of its files, checked.

        Raises:
            BundleFileMissing, BundleDamaged: it is not there, or not the one that was signed.
        """
        return read_file(self.folder, self.values, name)

    def vectors(self) -> np.ndarray:
        """(speakers, embedding channels) float32, a row for each of ``card.speakers``.

        Raises:
            BundleFileMissing, BundleDamaged: it is not there, not the one that was signed, or holds something else.
        """
        content = self.content(SPEAKERS)
        try:
            vectors = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise self.unusable(f"{SPEAKERS} cannot be read ({error})") from error
        if vectors.ndim != 2 or len(vectors) < max(1, len(self.card.speakers)):
            raise self.unusable(f"{SPEAKERS} has shape {vectors.shape} for {len(self.card.speakers)} speakers")
        return vectors.astype(np.float32)

    def unusable(self, what: str) -> BundleDamaged:
        """The error for what is signed and yet cannot be used."""
        return BundleDamaged(f'the bundle "{self.folder}" is signed, but {what}; export the voice again')


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds graphs to speak with, rather than the weights that training leaves."""
    return (folder / TEXT_GRAPH).is_file() or (folder / SIGNATURE).is_file()


def sign_bundle(folder: Path, card: bytes, signer: Signer) -> None:
    """Write the signature beside a ``voice.json`` of these bytes."""
    values = {"algorithm": "Ed25519", "publicKey": signer.public_key, "signature": signer.sign(card)}
    (folder / SIGNATURE).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def open_bundle(folder: Path, *, trusted_keys: Sequence[str]) -> Bundle:
    """Check signature, schema and phone inventory; the files are checked as they are read.

    Args:
        folder: of the bundle.
        trusted_keys: public keys, base64, of which one must have signed it.

    Raises:
        VoiceNotFound: no bundle there.
        BundleUnsigned, BundleSignerUnknown: nobody signed it, or somebody else did.
        BundleSchemaUnsupported, BundleInventoryForeign: made by another version.
        BundleDamaged: it is not what was signed.
    """
    content = read_card_bytes(folder)
    signer = _signer_of(folder, content)
    if signer not in trusted_keys:
        raise BundleSignerUnknown(
            f'the bundle "{folder}" is signed by the key {signer}, which is not trusted here; if you know whose it is, '
            "verify with --key, and add it to trusted-keys of the installation"
        )
    values = parse_card(folder, content)
    if values.get("phoneInventoryId") != INVENTORY_ID:
        raise BundleInventoryForeign(
            f'the bundle "{folder}" reads phone inventory {values.get("phoneInventoryId")}, this version has '
            f"{INVENTORY_ID}; its phones would be other sounds. Export the voice again with this version"
        )
    try:
        card = VoiceCard.read(values)
    except (KeyError, TypeError) as error:
        raise BundleDamaged(f'the {CARD} in "{folder}" lacks {error}; export the voice again') from error
    return Bundle(folder, card, values, signer, hashlib.sha256(content).hexdigest())


def verify_bundle(folder: Path, *, trusted_keys: Sequence[str]) -> Bundle:
    """As ``open_bundle``, and every file is checked at once.

    Raises:
        BundleFileMissing, BundleDamaged: a file is gone or changed; and what ``open_bundle`` raises.
    """
    bundle = open_bundle(folder, trusted_keys=trusted_keys)
    verify_files(folder, bundle.values, required=(SPEAKERS, WHOLE_GRAPH, TEXT_GRAPH, DECODER_GRAPH))
    return bundle


def _signer_of(folder: Path, card: bytes) -> str:
    """The key whose signature of the card holds."""
    path = folder / SIGNATURE
    if not path.is_file():
        raise BundleUnsigned(
            f'"{folder}" is not signed, so nobody can say whose voice it is; export it again ("clocktrain bundle '
            'export"), or copy its file "signature" as well'
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        key, signature = str(values["publicKey"]), str(values["signature"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleDamaged(f'the signature of "{folder}" cannot be read ({error}); copy it again') from error
    if not is_signed(card, signature, key):
        raise BundleDamaged(
            f'the {CARD} in "{folder}" is not the one that {key} signed; copy the bundle again from where it was made'
        )
    return key
