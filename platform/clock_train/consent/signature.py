"""The signature of a consent record: Ed25519 over every field but itself, by the installation where it was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clock_train.audit.signing import Signer, is_signed
from clock_train.consent.record import ConsentRecord, record_json
from clock_train.errors import ConsentForged, ConsentUnsigned


def signed_bytes(record: ConsentRecord) -> bytes:
    """What is signed: the record's JSON without a signature."""
    return record_json(replace(record, signature=None)).encode()


def signed(record: ConsentRecord, signer: Signer) -> ConsentRecord:
    """The record with its signature in the place of any it had."""
    return replace(record, signature=signer.sign(signed_bytes(record)))


def check_signature(record: ConsentRecord, trusted_keys: Sequence[str]) -> None:
    """Pass where a trusted key signed exactly this record.

    Args:
        record: as it was read.
        trusted_keys: public keys, raw, base64.
    Raises:
        ConsentUnsigned: nobody signed it.
        ConsentForged: it was altered since, or another key signed it.
    """
    if record.signature is None:
        raise ConsentUnsigned(
            f'the consent record "{record.id}" is not signed. Sign it where the consent was given: '
            '"clocktrain consent record" for a statement, "clocktrain consent licence" for published recordings'
        )
    content = signed_bytes(record)
    if not any(is_signed(content, record.signature, key) for key in trusted_keys):
        raise ConsentForged(
            f'the consent record "{record.id}" was altered, or a key signed it that is not trusted here. Restore it '
            "from its copy; if another of your installations signed it, add that one's public key to trusted-keys "
            '("clocktrain consent key" prints it)'
        )
