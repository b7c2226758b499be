"""``voice.json``: what a voice folder or bundle says of itself, with the sha256 of every other file in it.

A *voice folder* is what training leaves: weights and sizes, not signed. A *bundle* is what leaves the machine: ONNX
graphs, signed. Both are this card and files beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clock_train.consent.rules import Grant
from clock_train.errors import (
    BundleDamaged,
    BundleFileMissing,
    BundleSchemaUnsupported,
    ConfigValueInvalid,
    VoiceNotFound,
)

SCHEMA_VERSION = 1
CARD = "voice.json"
SPEAKERS = "speakers.npy"
LONGEST_NAME = 200
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class VoiceCard:
    """What ``voice.json`` says of a voice besides its files."""

    name: str
    kind: str = "voice"
    """``voice``, or ``base`` for one that others are fine-tuned from."""
    version: int = 1
    languages: list[str] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    consent_ids: list[str] = field(default_factory=list)
    consents: list[dict[str, Any]] = field(default_factory=list)
    """What each of them covers, as `consent.rules.Grant` spells it; none in a voice made before they were asked for."""
    corpus_revision: str = ""
    """sha256 over the manifests of its corpora."""
    training: dict[str, Any] = field(default_factory=dict)
    """How it was trained: steps, phases reached, preset, base."""
    metrics: dict[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """As ``voice.json`` spells them."""
        return {camel(name): value for name, value in vars(self).items()}

    def speaker_name(self, speaker: str | None) -> str:
        """The speaker that is meant: None is the first."""
        return speaker or (self.speakers[0] if self.speakers else "")

    def speaker_index(self, speaker: str | None) -> int:
        """The row of a speaker's vector; None is the first.

        Raises:
            VoiceNotFound: no such speaker.
        """
        if speaker is None:
            return 0
        if speaker not in self.speakers:
            raise VoiceNotFound(
                f'the voice "{self.name}" has no speaker "{speaker}"; it has {", ".join(self.speakers)}'
            )
        return self.speakers.index(speaker)

    def voice_name(self, speaker: str | None) -> str:
        """What the log and the number in a mark call a speaker of this voice."""
        return self.name if len(self.speakers) < 2 else f"{self.name}/{self.speaker_name(speaker)}"

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> VoiceCard:
        """From the values of a ``voice.json``.

        Raises:
            KeyError: one is missing.
        """
        return cls(**{name: values[camel(name)] for name in cls.__dataclass_fields__ if name != "consents"},
                   consents=values.get("consents", []))  # fmt: skip

    def grants(self) -> list[Grant]:
        """What the speakers agreed to."""
        return [Grant.of_wire(values) for values in self.consents]


def check_voice_name(name: str) -> str:
    """The name, where it may become a voice's: it names folders, and stands in logs, tables and marks.

    Raises:
        ConfigValueInvalid: it leads out of a folder, holds signs that are not seen, or is too long.
    """
    parts = name.split("/")  # "studio/anna" is a name
    is_seen = all(unicodedata.category(sign)[0] != "C" and sign not in "\u2028\u2029" for sign in name)
    if (
        not is_seen
        or "\\" in name
        or len(name) > LONGEST_NAME
        or any(part.strip() in ("", ".", "..") for part in parts)
    ):
        raise ConfigValueInvalid(
            f"{name[:80]!r} cannot name a voice: give letters, digits, signs that are seen and single slashes between "
            f"them, at most {LONGEST_NAME}"
        )
    return name


def write_card(folder: Path, values: Mapping[str, Any], files: Sequence[str]) -> bytes:
    """Write ``voice.json`` last, over files that lie in ``folder`` already; returns its bytes."""
    digests = {name: file_digest(folder / name) for name in files}
    content = (json.dumps({"schemaVersion": SCHEMA_VERSION, **values, "files": digests}, indent=1, ensure_ascii=False)
               + "\n").encode()  # fmt: skip
    (folder / CARD).write_bytes(content)
    return content


def read_card_bytes(folder: Path) -> bytes:
    """The bytes of ``voice.json``.

    Raises:
        VoiceNotFound: there is none.
        BundleDamaged: it cannot be read.
    """
    try:
        return (folder / CARD).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise VoiceNotFound(
            f'"{folder}" holds no {CARD}; name the folder of a trained voice, such as demo/voice'
        ) from error
    except OSError as error:
        raise BundleDamaged(
            f'the {CARD} in "{folder}" cannot be read ({error.strerror}); mend its permissions'
        ) from error


def parse_card(folder: Path, content: bytes) -> dict[str, Any]:
    """The values of a ``voice.json``.

    Raises:
        BundleDamaged: no JSON object, or files whose names lead out of the folder.
        BundleSchemaUnsupported: written for another schema.
    """
    try:
        values = json.loads(content)
        version, files = values["schemaVersion"], values["files"]
        if not all(_PLAIN_NAME.fullmatch(name) and isinstance(digest, str) for name, digest in files.items()):
            raise ValueError("a file's name is no plain name")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleDamaged(
            f'the {CARD} in "{folder}" cannot be read ({error}); copy the folder again, or export or train it again'
        ) from error
    if version != SCHEMA_VERSION:
        raise BundleSchemaUnsupported(
            f'the voice in "{folder}" has schema version {version}, this clock-train reads {SCHEMA_VERSION}; '
            "use a clock-train of its version, or export the voice again with this one"
        )
    return values


def read_file(folder: Path, values: Mapping[str, Any], name: str) -> bytes:
    """A file's bytes, once: what is returned is what was checked.

    Raises:
        BundleFileMissing: it is not listed, or not there.
        BundleDamaged: it is not the file that was listed.
    """
    listed = values["files"].get(name)
    if listed is None:
        raise BundleFileMissing(f'{CARD} in "{folder}" lists no {name}; export the voice again')
    path = folder / name
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise _missing(folder, name) from error
    except OSError as error:
        raise BundleDamaged(f'{name} of the voice in "{folder}" cannot be read ({error.strerror})') from error
    if hashlib.sha256(content).hexdigest() != listed:
        raise _changed(folder, name)
    return content


def verify_files(folder: Path, values: Mapping[str, Any], *, required: Sequence[str] = ()) -> None:
    """Every listed file is there and unchanged, and those ``required`` are listed.

    Raises:
        BundleFileMissing, BundleDamaged: as they say.
    """
    for name in dict.fromkeys((*required, *values["files"])):
        if not (folder / name).is_file():
            raise _missing(folder, name)
        if file_digest(folder / name) != values["files"].get(name):
            raise _changed(folder, name)


def file_digest(path: Path) -> str:
    """sha256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def card_digest(folder: Path) -> str:
    """sha256 of ``voice.json``, which names a bundle; an export of before the signature kept it one folder deeper.

    Raises:
        VoiceNotFound, BundleDamaged: there is none, or it cannot be read.
    """
    older = folder / "voice"
    return hashlib.sha256(read_card_bytes(older if (older / CARD).is_file() else folder)).hexdigest()


def camel(name: str) -> str:
    """``consent_ids`` as JSON spells it, ``consentIds``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _missing(folder: Path, name: str) -> BundleFileMissing:
    return BundleFileMissing(f'the voice in "{folder}" lacks {name}; copy the whole folder again')


def _changed(folder: Path, name: str) -> BundleDamaged:
    return BundleDamaged(
        f'{name} of the voice in "{folder}" is not the file that was saved (its sha256 differs); copy it again'
    )
