"""The provenance claim: who made a sound, with what, when, and the digest of its coded samples, signed.

Its fields follow C2PA's actions and digital source type; it is no C2PA manifest (JUMBF with X.509 certificates), which
players of speech do not read. The signature is Ed25519 over canonical JSON, by the installation's key.

A sound that is sent while it is spoken has its claim before its samples, and so without their digest: such a live claim
says who made a sound, with what and when, and not that this is that sound. The mark in the sound does: its payload is
the claim's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clock_train.audit.signing import Signer, is_signed
from clock_train.errors import LabelInvalid

FORMAT = "clocktrain-claim/1"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
LIVE = "live"


class Binds(StrEnum):
    """What a claim is about."""

    SOUND = "sound"
    """The bytes of the sound that it stands beside."""
    ORIGIN = "origin"
    """A sound that this origin made; not the bytes beside it, which anybody can have put there."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a label says of a sound."""

    payload: str
    """As in the mark, so that label and mark can be compared."""
    request_id: str
    created: str
    """RFC 3339."""


def signed_claim(origin: Origin, sound_sha256: str, signer: Signer) -> dict[str, Any]:
    """The claim about one file.

    Args:
        origin: of the sound.
        sound_sha256: of the coded samples; see ``files.sound_digest``.
        signer: of the installation.
    """
    return _signed(origin, {"soundSha256": sound_sha256}, signer)


def signed_live_claim(origin: Origin, signer: Signer) -> dict[str, Any]:
    """The claim at the beginning of a sound that is still to be spoken: it binds the origin alone."""
    return _signed(origin, {"sound": LIVE}, signer)


def binds(claim: Mapping[str, Any]) -> Binds:
    """What a claim says that it is about."""
    return Binds.ORIGIN if claim.get("sound") == LIVE and "soundSha256" not in claim else Binds.SOUND


def check_claim(claim: Mapping[str, Any], sound_sha256: str, *, public_key: str | None = None) -> Binds:
    """Whether a claim is whole and is this sound's.

    Args:
        claim: as read.
        sound_sha256: of the file that carries it.
        public_key: whose it must be; None trusts the key that the claim names, which shows only that it is whole.
    Returns:
        What it was checked to bind. For a live claim that is its origin: compare its payload with the sound's mark.
    Raises:
        LabelInvalid: it was changed, is another's, or was taken from another sound.
    """
    content = {name: value for name, value in claim.items() if name != "signature"}
    key = public_key or str(claim.get("publicKey"))
    if claim.get("format") != FORMAT or not is_signed(_canonical(content), str(claim.get("signature")), key):
        raise LabelInvalid(
            "the label's signature does not match: it was changed, or made by somebody else. Do not trust it"
        )
    bound = binds(claim)
    if bound is Binds.SOUND and claim.get("soundSha256") != sound_sha256:
        raise LabelInvalid(
            "the label belongs to another sound: it was moved here, or the sound was changed since. Look for the mark "
            "in the sound itself"
        )
    return bound


def _signed(origin: Origin, sound: Mapping[str, str], signer: Signer) -> dict[str, Any]:
    claim: dict[str, Any] = {
        "format": FORMAT,
        "generator": "ClockTrain",
        "action": "c2pa.created",
        "digitalSourceType": SOURCE_TYPE,
        "created": origin.created,
        "payload": origin.payload,
        "requestId": origin.request_id,
        **sound,
        "publicKey": signer.public_key,
    }
    return {**claim, "signature": signer.sign(_canonical(claim))}


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
