"""Everything that is held about a speaker, in one archive for that person: GDPR articles 15 and 20, PIPL article 45.

It is found as an erasure finds it. What the person gave (recordings, transcripts, consents, the print of the voice) is
copied; what was computed from it (packed corpora, checkpoints, voices, runs) is listed with place, size and sha256. Of
what others share with the speaker only the speaker's part is taken.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clock_train.audit.accesses import AccessLine, accesses_of
from clock_train.audit.log import chains_in
from clock_train.compliance.voice_registry import JUDGE, registered
from clock_train.consent.record import ConsentRecord, record_json
from clock_train.data.manifest import MANIFEST_NAME
from clock_train.erasure.belonging import is_line_of, parsed
from clock_train.erasure.receipt import FILE, LINES, OBJECT, SPEAKER, Item, Receipt, canonical, read_receipt
from clock_train.erasure.request import RECEIPTS, VOICEPRINTS, Request, plan
from clock_train.errors import ConfigValueInvalid, ErasureFoundNothing, StorageNotFound
from clock_train.issuing.access import Access, local_user, record_access
from clock_train.issuing.installation import Installation
from clock_train.privacy.disclosure_page import page_of
from clock_train.storage.opening import Storage, open_storage

SCHEMA_VERSION = 1
SOUNDS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb")
"""First bytes of recordings, where only an object's content says what it is."""
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """An archive that was written."""

    path: Path
    num_copied: int
    num_listed: int
    num_consents: int
    num_uses: int


def disclose(
    request: Request,
    installation: Installation,
    out: Path,
    *,
    now: datetime,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Disclosure:
    """Write the archive.

    Args:
        request: of scope ``speaker``; where to look.
        installation: whose consents, log, prints and receipts are meant.
        out: a ZIP that is not there yet; readable by its owner only.
        now: stands in it.
        report: hears how many of how many things are done.
    Raises:
        ErasureFoundNothing: nothing is held under this name.
        ConfigValueInvalid: the archive cannot be written, or is there.
        ClockTrainError: a place does not answer: an archive with a hole would be taken for all there is.
    """
    assert request.scope == SPEAKER
    if out.exists():
        raise ConfigValueInvalid(f'"{out}" is there already; name another file, or move it away')
    consents = [record for record in installation.consents().records() if record.speaker_id == request.name]
    uses = list(accesses_of(chains_in(installation.log_folder), name=request.name))
    try:
        found = plan(request, installation)
    except ErasureFoundNothing:
        if not consents and not uses:
            raise
        found = Receipt(scope=SPEAKER, name=request.name)
    record_access(installation, Access.DISCLOSE, speakers=[request.name], consent_ids=[each.id for each in consents])
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with _made(temporary) as archive:
            writer = _Writer(archive, request.name)
            held = list(_copied(found, writer, report))
            about = _about(request, installation, found, consents, uses, held, now)
            _write_own(archive, about, consents, uses, _print_of(request.name, installation))
        os.replace(temporary, out)
    except OSError as error:
        raise ConfigValueInvalid(
            f'"{out}" cannot be written ({error.strerror or error}); name another place, or free the disk'
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    num_copied = sum(each["file"] is not None for each in held)
    return Disclosure(
        path=out,
        num_copied=num_copied,
        num_listed=len(held) - num_copied,
        num_consents=len(consents),
        num_uses=len(uses),
    )


def _made(path: Path) -> zipfile.ZipFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return zipfile.ZipFile(os.fdopen(descriptor, "wb"), "w", zipfile.ZIP_DEFLATED)


class _Writer:
    """Puts what is the speaker's into an archive, everything once.

    Args:
        archive: that is being written.
        speaker: pseudonym.
    """

    def __init__(self, archive: zipfile.ZipFile, speaker: str) -> None:
        self._archive, self._speaker = archive, speaker
        self._seen: dict[str, str] = {}
        self._stores: dict[str, Storage] = {}
        self._places: list[str] = []

    def copy(self, item: Item) -> str | None:
        """Where in the archive an item is; None where it is only listed."""
        if item.sha256 in self._seen:
            return self._seen[item.sha256]
        content = self._content(item)
        if content is None:
            return None
        name = self._name(item)
        with self._archive.open(name, "w", force_zip64=True) as file:
            for block in content:
                file.write(block)
        if item.sha256 is not None and item.kind != LINES:
            self._seen[item.sha256] = name
        return name

    def _name(self, item: Item) -> str:
        if item.place not in self._places:
            self._places.append(item.place)
        return f"given/{self._places.index(item.place) + 1}/{item.key.lstrip('/')}"

    def _content(self, item: Item) -> Iterator[bytes] | None:
        path = Path(item.place) / item.key
        own = (f"recordings of {self._speaker}", f"corpus of {self._speaker}")
        if item.kind == LINES:
            return iter([_lines_of(path.name, path.read_bytes(), self._speaker)])
        if item.kind == FILE and path.is_file() and not path.is_symlink():
            is_part = item.what == f"{self._speaker}'s part of a corpus"
            if item.what in own or (is_part and (_is_sound(path) or _is_consent(path, self._speaker))):
                return _blocks(path)
        if item.kind == OBJECT and item.what.startswith("corpus "):
            return self._object(item)
        return None

    def _object(self, item: Item) -> Iterator[bytes] | None:
        """Of a corpus that only a store has: its sounds, and of its manifest the speaker's lines."""
        store = self._stores.setdefault(item.place, open_storage(item.place))
        try:
            content = store.get(item.key)
        except StorageNotFound:
            return None  # only older versions are left
        if content.startswith(SOUNDS):
            return iter([content])
        lines = _lines_of(MANIFEST_NAME, content, self._speaker) if content.startswith(b'{"') else b""
        return iter([lines]) if lines else None


def _copied(found: Receipt, writer: _Writer, report: Callable[[int, int], None]) -> Iterator[dict[str, Any]]:
    # files before objects: what both have is then under its own name
    items = sorted(found.items.values(), key=lambda item: (item.kind == OBJECT, item.address))
    for number, item in enumerate(items, start=1):
        name = writer.copy(item)
        yield {
            "what": item.what, "place": item.place, "key": item.key, "bytes": item.bytes, "sha256": item.sha256,
            "file": name,
        }  # fmt: skip
        report(number, len(items))


def _about(
    request: Request,
    installation: Installation,
    found: Receipt,
    consents: list[ConsentRecord],
    uses: list[AccessLine],
    held: list[dict[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    signer, revoked = installation.signer(), installation.consents().revoked()
    values: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "speaker": request.name,
        "madeAt": now.astimezone(UTC).isoformat(timespec="seconds"),
        "madeBy": local_user(),
        "lookedIn": found.looked_in,
        "held": held,
        "basesWithThisVoice": found.retired_bases,
        "consents": [
            {
                "id": record.id, "kind": record.kind, "purposes": record.purposes, "territories": record.territories,
                "given": record.consent_time, "until": record.expiration_time, "takenBack": revoked.get(record.id),
            }
            for record in consents
        ],
        "uses": len(uses),
        "erasedBefore": _erased_before(request.name, installation),
        "signedBy": signer.public_key,
    }  # fmt: skip
    return {**values, "signature": signer.sign(canonical(values))}


def _write_own(
    archive: zipfile.ZipFile,
    about: dict[str, Any],
    consents: list[ConsentRecord],
    uses: list[AccessLine],
    own_print: list[float] | None,
) -> None:
    archive.writestr("index.html", page_of(about, uses))
    archive.writestr("about.json", json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    for record in consents:
        archive.writestr(f"consents/{record.id}.json", record_json(record))
    archive.writestr("uses.jsonl", "".join(json.dumps(line.as_plain(), ensure_ascii=False) + "\n" for line in uses))
    if own_print is not None:
        archive.writestr("print.json", json.dumps({"judge": JUDGE, "vector": own_print}) + "\n")


def _print_of(speaker: str, installation: Installation) -> list[float] | None:
    folder = installation.folder / VOICEPRINTS
    if not (folder / f"{speaker}.json").is_file():
        return None
    voices = registered(folder, installation.folder)
    return next([round(float(value), 6) for value in voice.vector] for voice in voices if voice.speaker == speaker)


def _erased_before(speaker: str, installation: Installation) -> list[dict[str, Any]]:
    found = []
    for path in sorted((installation.folder / RECEIPTS).glob("*.json")):
        receipt = read_receipt(path.read_bytes(), installation.trusted_keys(), where=str(path))
        if receipt.name == speaker:
            facts = {"scope": receipt.scope, "asked": receipt.asked_at, "objects": len(receipt.items)}
            found.append({**facts, "complete": receipt.is_complete, "receipt": path.name})
    return found


def _lines_of(file_name: str, content: bytes, speaker: str) -> bytes:
    """Those that an erasure would take."""
    return b"".join(line + b"\n" for line in content.splitlines() if is_line_of(file_name, line, [speaker]))


def _is_sound(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4).startswith(SOUNDS)


def _is_consent(path: Path, speaker: str) -> bool:
    return path.suffix == ".json" and parsed(path.read_bytes()).get("speakerId") == speaker


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
