"""The consents of a clone in a cluster: its VoiceConsents, which the operator checked and put beside the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clock_train.consent.record import DEMONSTRATION, ConsentRecord
from clock_train.crd.v1alpha1.consent import VoiceConsentSpec
from clock_train.data.manifest import read_corpus
from clock_train.errors import ConsentInvalid, ConsentMissing

IDENTITY = ("namespace", "name", "uid")
"""Of the metadata."""


def read_cluster_consents(path: Path, corpora: Sequence[Path]) -> list[ConsentRecord]:
    """One record a corpus, in their order.

    Args:
        path: the JSON that the operator wrote: a list of objects with metadata and spec.
        corpora: the speakers' folders.
    Raises:
        ConsentMissing: there are fewer than corpora.
        ConsentInvalid: the file is nothing of the kind.
    """
    found = _read(path)
    records = [_record_of(metadata, spec, corpus) for (metadata, spec), corpus in zip(found, corpora, strict=False)]
    if len(records) < len(corpora):
        raise ConsentMissing(
            f'"{path}" has {len(records)} VoiceConsents for {len(corpora)} speakers; name one for each in '
            "spec.speakers[].consentRef"
        )
    return records


def read_cluster_specs(path: Path) -> list[tuple[str, VoiceConsentSpec]]:
    """NAMESPACE/NAME and content of each, in the order of the speakers.

    Raises:
        ConsentInvalid: the file is nothing of the kind.
    """
    return [(_name_of(metadata), spec) for metadata, spec in _read(path)]


def _read(path: Path) -> list[tuple[dict[str, str], VoiceConsentSpec]]:
    try:
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [
            ({name: str(each["metadata"][name]) for name in IDENTITY}, VoiceConsentSpec.model_validate(each["spec"]))
            for each in found
        ]
    except (OSError, ValueError, ValidationError, KeyError, TypeError) as error:
        raise ConsentInvalid(f'"{path}" holds no VoiceConsents ({error}); the operator writes it') from error


def _name_of(metadata: dict[str, str]) -> str:
    return f"{metadata['namespace']}/{metadata['name']}"


def _record_of(metadata: dict[str, str], spec: VoiceConsentSpec, corpus: Path) -> ConsentRecord:
    name = _name_of(metadata)
    statement = f"The VoiceConsent {name} of this cluster, which its compliance officer made."
    digest = read_corpus(corpus).quality.get("recordings_sha256")
    is_licence = spec.basis == "Licence"
    return ConsentRecord(
        # the uid: one that was deleted and made again is another consent
        id=f"{metadata['name']}-{metadata['uid'][:8]}",
        kind="licence" if is_licence else "statement",
        speaker_id=spec.speaker,
        purposes=[DEMONSTRATION] if is_licence else list(spec.purposes),
        territories=list(spec.territories),
        expiration_time=spec.expiration_time,
        text_version="voiceconsent-v1alpha1",
        statement=statement,
        statement_sha256=spec.statement.sha256 if spec.statement else hashlib.sha256(statement.encode()).hexdigest(),
        # a corpus from before it kept the digest is known by its revision, which the clone names
        recordings_sha256=digest if isinstance(digest, str) else "0" * 64,
        licence=spec.licence.name if spec.licence else None,
        licence_uri=spec.licence.url if spec.licence else None,
        attribution=spec.licence.attribution if spec.licence else None,
        revoked=spec.revoked,
    )
