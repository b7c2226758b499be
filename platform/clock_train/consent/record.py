"""The consent record: who may be cloned, for what, where and until when, bound to exact recordings.

One JSON file, ``consent.json``, beside a corpus; where several people speak in it, one file each in ``consents/``. Kind
``statement`` is a speaker's own consent; kind ``licence`` stands for recordings that were published under a licence and
says plainly that it is no consent of the speaker. ``signature`` is null until the record is signed (`signature`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from clock_train.errors import ConsentInvalid, ConsentMissing

CONSENT_NAME, CONSENTS_FOLDER = "consent.json", "consents"
SCHEMA_VERSION = 1
LICENCE_TEXT_VERSION = "licence-1"
DEMONSTRATION = "demonstration"
"""The one purpose of what a licence allows, and of what nobody consented to."""
WORLDWIDE = "worldwide"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class ConsentRecord:
    """One record; names on disk are the camelCase of these, as in the `VoiceConsent` resource."""

    id: str
    kind: Literal["statement", "licence"]
    speaker_id: str
    """Pseudonym; the person's name stays out of every artefact."""
    purposes: list[str]
    territories: list[str]
    """ISO 3166 codes, or ``worldwide``."""
    expiration_time: str | None
    """RFC 3339, or None for a licence without end."""
    text_version: str
    statement: str
    """What was agreed to, word by word; for a licence the notice that it is no consent."""
    statement_sha256: str
    """Of the spoken statement's recording, or of ``statement`` where nothing was spoken."""
    recordings_sha256: str
    """The corpus' ``recordings_sha256``."""
    licence: str | None = None
    licence_uri: str | None = None
    attribution: str | None = None
    consent_time: str | None = None
    """RFC 3339, when it was given."""
    speaker_similarity: float | None = None
    """What the spoken statement's voice and the recordings' came to (`compliance.speaker_match`)."""
    word_error_rate: float | None = None
    """Of the statement's random words as a recogniser heard them; None where there is none for the language."""
    revoked: bool = False
    signature: str | None = None
    """Base64, Ed25519 over every other field."""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        _require(self.schema_version == SCHEMA_VERSION, f"schemaVersion is {self.schema_version}, not {SCHEMA_VERSION}")
        _require(self.kind in ("statement", "licence"), f'kind is "{self.kind}", not statement or licence')
        for name in ("id", "speaker_id", "text_version", "statement"):
            value = getattr(self, name)
            _require(isinstance(value, str) and bool(value.strip()), f"{_camel(name)} is empty")
        for name in ("purposes", "territories"):
            values = getattr(self, name)
            is_list = isinstance(values, list) and values and all(isinstance(each, str) and each for each in values)
            _require(bool(is_list), f"{_camel(name)} must list at least one entry")
        for name in ("statement_sha256", "recordings_sha256"):
            _require(bool(_SHA256.fullmatch(str(getattr(self, name)))), f"{_camel(name)} is no sha256")
        _require(isinstance(self.revoked, bool), "revoked must be true or false")
        _require(self.kind != "statement" or self.expiration_time is not None, "a statement needs an expirationTime")
        _require(self.kind != "licence" or bool(self.licence), "a licence record must name the licence")
        for name in ("expiration_time", "consent_time"):
            if getattr(self, name) is not None:
                _time_of(getattr(self, name), _camel(name))

    def is_expired(self, now: datetime) -> bool:
        """Whether the record has ended at ``now`` (with a time zone)."""
        return self.expiration_time is not None and now >= _time_of(self.expiration_time)

    def given_at(self) -> datetime | None:
        """When it was given, where the record says so."""
        return None if self.consent_time is None else _time_of(self.consent_time)

    @property
    def is_licence(self) -> bool:
        """Whether nobody was asked."""
        return self.kind == "licence"


def licence_record(
    *,
    speaker_id: str,
    licence: str,
    licence_uri: str,
    attribution: str,
    recordings_sha256: str,
    purposes: list[str] | None = None,
) -> ConsentRecord:
    """The record of published recordings: it names the licence, and says that the speaker was not asked."""
    statement = (
        f"These recordings were published under {licence} ({licence_uri}). This record names that licence. It is not "
        "the speaker's own consent to a voice clone: nobody asked the speaker. Use the result to try the software only."
    )
    return ConsentRecord(
        id=f"licence-{speaker_id}-{recordings_sha256[:12]}",
        kind="licence",
        speaker_id=speaker_id,
        purposes=purposes or [DEMONSTRATION],
        territories=[WORLDWIDE],
        expiration_time=None,
        text_version=LICENCE_TEXT_VERSION,
        statement=statement,
        statement_sha256=hashlib.sha256(statement.encode()).hexdigest(),
        recordings_sha256=recordings_sha256,
        licence=licence,
        licence_uri=licence_uri,
        attribution=attribution,
    )


def write_record(path: str | Path, record: ConsentRecord) -> Path:
    """Write a record whole or not at all; ``path`` is the file or the corpus folder."""
    path = _file_of(path)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(record_json(record), encoding="utf-8")
    os.replace(temporary, path)
    return path


def record_json(record: ConsentRecord) -> str:
    """The record as its file has it."""
    values = {_camel(name): value for name, value in asdict(record).items()}
    return json.dumps(values, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def record_paths(corpus: str | Path) -> list[Path]:
    """The files of records beside a corpus or recordings: ``consent.json`` and ``consents/*.json``."""
    corpus = Path(corpus)
    return [
        path for path in (corpus / CONSENT_NAME, *sorted((corpus / CONSENTS_FOLDER).glob("*.json"))) if path.is_file()
    ]


def read_record(path: str | Path, *, recordings_sha256: str | None = None) -> ConsentRecord:
    """Read and check a record; whether it is expired or revoked is for the caller to ask.

    Args:
        path: the file, or the corpus folder that holds it.
        recordings_sha256: the corpus' digest, if the record must fit it.
    Raises:
        ConsentMissing: there is no such file.
        ConsentInvalid: it cannot be read, a field is wrong, or it belongs to other recordings.
    """
    path = _file_of(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConsentMissing(
            f'"{path}" is not there: no consent record for these recordings. Write one before training'
        ) from error
    except (OSError, ValueError) as error:
        raise ConsentInvalid(f'"{path}" cannot be read ({error}). Restore the file') from error
    record = _record_of(values, path)
    if recordings_sha256 is not None and record.recordings_sha256 != recordings_sha256:
        raise ConsentInvalid(
            f'"{path}" is for other recordings ({record.recordings_sha256[:12]}, the corpus has '
            f"{recordings_sha256[:12]}). Ask the speaker again, or restore the recordings that were agreed to"
        )
    return record


def _record_of(values: Any, path: Path) -> ConsentRecord:
    names = {_camel(each.name): each.name for each in fields(ConsentRecord)}
    if not isinstance(values, dict):
        raise ConsentInvalid(f'"{path}" is no JSON object. Restore the file')
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise ConsentInvalid(f'"{path}" has unknown fields ({", ".join(unknown)}). Restore the file')
    try:
        return ConsentRecord(**{names[name]: value for name, value in values.items()})
    except TypeError as error:
        raise ConsentInvalid(f'"{path}" lacks fields ({error}). Restore the file') from error
    except ConsentInvalid as error:
        raise ConsentInvalid(f'"{path}": {error.args[0]}') from error


def _file_of(path: str | Path) -> Path:
    path = Path(path)
    return path / CONSENT_NAME if path.is_dir() else path


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise ConsentInvalid(f"{what}. Correct the consent record")


def _time_of(text: str, field: str = "expirationTime") -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ConsentInvalid(f'{field} "{text}" is no RFC 3339 time. Write it like 2027-12-31T00:00:00Z') from error
    _require(time.tzinfo is not None, f'{field} "{text}" has no time zone')
    return time.astimezone(UTC)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
