"""What a store has of a voice or speaker: runs, bundles, and revisions of corpora, also older versions of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from fnmatch import fnmatch

from clock_train.bundle.card import CARD
from clock_train.data.manifest import MANIFEST_NAME
from clock_train.erasure.belonging import Found, Subject, parsed, speakers_of
from clock_train.erasure.receipt import OBJECT, RECORDINGS, Item, Kept
from clock_train.errors import StorageDamaged, StorageNotFound
from clock_train.storage.commits import MARKER, StoredObject, read_marker
from clock_train.storage.opening import Storage

_RUN_RECORD = re.compile(r"attempt-\d+/run\.json")
_TAUGHT = re.compile(r"-student$")
PACKED = ("*/packed-*", "*/packed/*")
"""Keys of corpora as training reads them, which runs leave for their next attempts and workers."""


def find_in_store(storage: Storage, place: str, namespace: str, subject: Subject, *, uids: Iterable[str] = ()) -> Found:
    """Look through one namespace of a store.

    Args:
        storage: opened.
        place: what the receipt calls it.
        namespace: first part of the keys.
        subject: who or what.
        uids: of runs that are the subject's for sure.
    Raises:
        StorageError: the store does not answer, or refuses.
    """
    found = Found()
    _runs(storage, place, namespace, subject, set(uids), found)
    _bundles(storage, place, namespace, subject, found)
    corpora = _grouped(storage.history(f"{namespace}/corpora"), 2)
    for name, listed in corpora.items():
        found.add(find_revisions(storage, place, f"{namespace}/corpora/{name}", listed, subject, name))
    return found


def object_items(storage: Storage, place: str, listed: Iterable[StoredObject], what: str) -> list[Item]:
    """Items of listed objects, with the sha256 that a marker says, or else their bytes."""
    listed = list(listed)
    known: dict[str, str] = {}
    for item in listed:
        if item.key.endswith(f"/{MARKER}"):
            try:
                record = read_marker(storage, item.key.removesuffix(f"/{MARKER}"))
            except (StorageDamaged, StorageNotFound):
                continue
            known |= {record.key(name): file.sha256 for name, file in record.files.items()}
    return [
        Item(
            kind=OBJECT,
            place=place,
            key=item.key,
            bytes=item.size_bytes,
            sha256=known.get(item.key) or _sha256(storage, item.key),
            what=what,
        )
        for item in listed
    ]


def find_revisions(
    storage: Storage, place: str, prefix: str, listed: list[StoredObject], subject: Subject, name: str
) -> Found:
    """Revisions in one DVC remote or cache that are the subject's; objects that other revisions need stay.

    Args:
        storage: opened.
        place: what the receipt calls it.
        prefix: below which ``files/md5`` lies; empty in a cache.
        listed: everything below the prefix.
        subject: who or what.
        name: of the corpus; empty in a cache.
    """
    found = Found()
    root = f"{prefix}/files/md5" if prefix else "files/md5"
    keys = {item.key.removeprefix(f"{root}/").replace("/", ""): item for item in listed if item.key.startswith(root)}
    theirs: set[str] = set()
    others: set[str] = set()
    of_other_people: set[str] = set()
    has_others = False
    for revision in [md5 for md5 in keys if md5.endswith(".dir")]:
        entries = _entries(storage, keys[revision].key)
        manifest = next((md5 for path, md5 in entries.items() if path.rpartition("/")[2] == MANIFEST_NAME), None)
        clips = speakers_of(_got(storage, keys.get(manifest or ""))) if manifest else {}
        card = parsed(_got(storage, keys.get(entries.get(CARD, ""))))
        runs = [parsed(_got(storage, keys.get(md5))) for path, md5 in entries.items() if _is_facts(path)]
        is_theirs = subject.has_recordings and subject.name in clips
        if not (is_theirs or subject.owns_card(card) or any(map(subject.owns_facts, runs))):
            others |= {revision, *entries.values()}
            has_others = True
            continue
        theirs |= {revision, *entries.values()}
        for speaker, paths in clips.items():
            if speaker != subject.name:
                of_other_people |= {entries[path] for path in paths if path in entries}
    if not theirs and not (subject.has_recordings and name == subject.name and not has_others):
        return found
    going = [keys[md5] for md5 in sorted(theirs - others - of_other_people) if md5 in keys]
    going += [item for item in listed if item.key.removeprefix(f"{prefix}/revisions/") in _records(theirs)]
    if prefix and not has_others and not of_other_people:
        going = listed  # also what a push that broke off left, and older versions
    what = f"corpus {name} in DVC" if name else "DVC cache"
    found.items += object_items(storage, place, going, what)
    if of_other_people:
        why = f"other speakers' clips of revisions that {subject.name} was in; push that corpus again"
        found.kept.append(Kept(what=f"{len(of_other_people)} objects of {place}/{prefix}", why=why))
    return found


def _runs(storage: Storage, place: str, namespace: str, subject: Subject, uids: set[str], found: Found) -> None:
    runs = _grouped(storage.history(f"{namespace}/runs"), 2)
    for uid, listed in runs.items():
        records = [item for item in listed if _RUN_RECORD.fullmatch(item.key.split("/", 3)[3])]
        facts = [parsed(_got(storage, item)) for item in records]
        if subject.scope == RECORDINGS:
            if any(subject.name in (each.get("speakers") or []) for each in facts):
                packed = [item for item in listed if any(fnmatch(item.key, each) for each in PACKED)]
                found.items += object_items(storage, place, packed, f"packed recordings of {subject.name}")
            continue
        if uid in uids or _TAUGHT.sub("", uid) in uids or any(map(subject.owns_facts, facts)):
            found.uids.add(uid)
            found.items += object_items(storage, place, listed, f"run {uid}")


def _bundles(storage: Storage, place: str, namespace: str, subject: Subject, found: Found) -> None:
    for digest, listed in _grouped(storage.history(f"{namespace}/bundles"), 2).items():
        item = next((item for item in listed if item.key.endswith(f"/{CARD}")), None)
        card = parsed(_got(storage, item))
        where = f"{place}/{namespace}/bundles/{digest}"
        if subject.owns_card(card):
            found.voices.add(str(card.get("name")))
            found.items += object_items(storage, place, listed, f"bundle of {card.get('name')}")
        elif subject.is_in_base(card):
            found.bases.append(base_of(card, digest, where))
        elif card:
            found.cards.append((card, where))


def base_of(card: dict[str, object], digest: str, where: str) -> dict[str, str]:
    """What is said of a base that contains the speaker."""
    revision = str(card.get("corpusRevision") or "")
    return {"name": str(card.get("name")), "digest": digest, "corpusRevision": revision, "place": where}


def _grouped(listed: list[StoredObject], depth: int) -> dict[str, list[StoredObject]]:
    """By the part of the key at a depth; keys that are no deeper are left out."""
    groups: dict[str, list[StoredObject]] = {}
    for item in listed:
        parts = item.key.split("/", depth + 1)
        if len(parts) > depth + 1:
            groups.setdefault(parts[depth], []).append(item)
    return groups


def _entries(storage: Storage, key: str) -> dict[str, str]:
    try:
        return {str(each["relpath"]): str(each["md5"]) for each in json.loads(storage.get(key))}
    except (StorageNotFound, ValueError, KeyError, TypeError):
        return {}


def _records(revisions: set[str]) -> set[str]:
    return {f"{revision.removesuffix('.dir')}.json" for revision in revisions if revision.endswith(".dir")}


def _is_facts(path: str) -> bool:
    return re.fullmatch(r"run-[^/]+\.json", path.rpartition("/")[2]) is not None


def _got(storage: Storage, item: StoredObject | None) -> bytes:
    if item is None:
        return b""
    try:
        return storage.get(item.key)
    except StorageNotFound:
        return b""  # only older versions are left


def _sha256(storage: Storage, key: str) -> str | None:
    try:
        return storage.digest(key).sha256
    except StorageNotFound:
        return None


def digest_of_card(content: bytes) -> str:
    """By which a bundle or voice is known."""
    return hashlib.sha256(content).hexdigest()
