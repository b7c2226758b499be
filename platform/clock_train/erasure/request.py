"""What a person asks to be erased, where it is looked for, and the receipts that an installation keeps of it."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clock_train.audit.signing import Signer
from clock_train.bundle.card import CARD
from clock_train.erasure.belonging import TAUGHT, Found, Subject, parsed
from clock_train.erasure.erasing import Look, carry_out
from clock_train.erasure.in_folders import Places, find_in_folders
from clock_train.erasure.in_store import find_in_store
from clock_train.erasure.in_tracker import find_in_tracker
from clock_train.erasure.receipt import ENTRY, FILE, SPEAKER, VOICE, Item, Kept, Receipt, read_receipt
from clock_train.erasure.retired_bases import retire, retire_in_store
from clock_train.errors import ClockTrainError, ConfigValueInvalid, ErasureFoundNothing, RunBusy, StorageDenied
from clock_train.issuing.installation import Installation
from clock_train.serving.serving_table import read_table
from clock_train.storage.folder import FolderStorage
from clock_train.storage.opening import open_storage

if TYPE_CHECKING:
    from clock_train.tracking.mlflow_erasing import TrackedRun

RECEIPTS, VOICEPRINTS = "erasures", "voiceprints"
"""In the installation's folder; the second is the registry of `compliance.voice_registry`."""
_NAME = re.compile(r"[^\x00-\x1f/\\]{1,128}")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be erased, and where to look."""

    scope: str
    """``voice``, ``speaker``, or ``recordings`` of a speaker."""
    name: str
    reason: str = ""
    stores: Sequence[str] = ()
    namespace: str = "local"
    folders: Sequence[Path] = ()
    recordings: Sequence[Path] = ()
    """Folders that hold nothing but the speaker's own recordings."""
    trackers: Sequence[str] = ()
    tables: Sequence[Path] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in (".", ".."):
            raise ConfigValueInvalid(f"{self.name[:80]!r} is no name of a voice or speaker; give it as it was trained")
        for folder in (*self.folders, *self.recordings):
            if not folder.is_dir():
                raise ConfigValueInvalid(f'"{folder}" is no folder; name one that is there')
            if folder.resolve() in (Path("/"), Path.home().resolve()):
                raise ConfigValueInvalid(f'"{folder}" holds more than trainings; name the folder that was trained into')
        for place in self.stores:
            if "://" not in place and not Path(place).is_dir():  # opening it would make it
                raise ConfigValueInvalid(f'the store "{place}" is no folder; name one that is there, or s3://bucket')
            open_storage(place)
        if self.recordings and self.scope == VOICE:
            raise ConfigValueInvalid("erasing a voice never takes recordings; leave --recordings out")


def plan(request: Request, installation: Installation) -> Receipt:
    """What would be erased, kept and retired; nothing is written or removed.

    Raises:
        ErasureFoundNothing: there is nothing of this name.
        ClockTrainError: a place does not answer.
    """
    receipt = _new(request, installation)
    seen = _Search(request, installation).look(receipt)
    if seen.errors:
        raise seen.errors[0]
    receipt.meet(seen.items)
    if not receipt.items and not receipt.retired_bases:
        raise _nothing(request)
    return receipt


def erase(
    request: Request,
    installation: Installation,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Receipt, Path]:
    """Erase, or go on with an erasure that was cut off; the receipt, and where it is kept.

    Raises:
        ErasureFoundNothing: there is nothing of this name, and there was none.
        StorageDenied: a folder cannot be read, so nothing was begun.
        RunBusy: somebody trains into a folder, or erases this name.
        ClockTrainError: a place was away; what the others had is erased, and the next run finishes.
    """
    signer = installation.signer()
    receipts = FolderStorage(installation.folder / RECEIPTS)
    with _alone(receipts.root / f".{request.scope}-{_file_name(request.name)}.lock", f'erasing "{request.name}"'):
        key, before = _begun(request, installation, receipts)
        receipt = before if before is not None and not before.is_complete else _new(request, installation)
        search = _Search(request, installation)
        first = search.look(receipt)
        if not first.items and not first.errors and not receipt.items and receipt.retired_bases in ([], _bases(before)):
            if before is None:
                raise _nothing(request)
            return before, receipts.root / key  # it was erased before
        key = key if receipt is before else _key_of(receipt)
        looks = iter([first])
        with ExitStack() as held:
            for folder in sorted(search.busy_if_locked):
                held.enter_context(_alone(folder / ".lock", f'training into "{folder}"'))
            away = _retire(receipt, installation, signer)
            carry_out(
                receipt,
                lambda receipt: next(looks, None) or search.look(receipt),
                lambda content: receipts.put(key, content),
                signer,
                report=report,
            )
            if away is not None:
                raise away
    return receipt, receipts.root / key


class _Search:
    """Looks in every place that is asked for, or that an earlier run of the same erasure was asked for.

    Args:
        request: where to look.
        installation: whose prints of voices are meant.
    """

    def __init__(self, request: Request, installation: Installation) -> None:
        self._request, self._installation = request, installation
        self._subject = Subject(request.scope, request.name)
        self.busy_if_locked: set[Path] = set()
        """Output folders that the last look found: nobody may be training into them."""

    def look(self, receipt: Receipt) -> Look:
        """Search; what is known and kept goes into the receipt."""
        _remember(receipt, self._request)
        known = receipt.looked_in
        errors: list[ClockTrainError] = []
        found, places = self._in_folders(receipt)
        found.uids |= set(known["uids"])
        found.voices |= set(known["voices"])
        if self._subject.scope == VOICE:
            found.voices.add(self._subject.name)
        for place in known["stores"]:
            if "://" not in place and not Path(place).is_dir():
                continue  # an earlier run was asked for it, and it is gone wholly
            try:
                storage = open_storage(place)
                found.add(find_in_store(storage, place, known["namespace"], self._subject, uids=found.uids))
            except ClockTrainError as error:
                errors.append(error)
        for table in sorted({*map(Path, known["tables"]), *places.tables}):
            try:
                found.items += _entries(table, found, self._subject)
            except ClockTrainError as error:
                errors.append(error)
        known["uids"], known["voices"] = sorted(found.uids), sorted(found.voices)
        for uri in sorted({*known["trackers"], *places.trackers}):
            try:
                found.items += _tracked(uri, found, self._subject)
            except ClockTrainError as error:
                errors.append(error)
        found.items += self._print()
        settle(receipt, found)
        return Look(items=found.items, errors=errors)

    def _in_folders(self, receipt: Receipt) -> tuple[Found, Places]:
        known = receipt.looked_in
        folders, recordings = ([Path(p) for p in known[each] if Path(p).is_dir()] for each in ("folders", "recordings"))
        try:
            found, places = find_in_folders(folders, recordings, known["namespace"], self._subject)
        except OSError as error:
            raise StorageDenied(
                f'"{error.filename}" cannot be read ({error.strerror}), so nobody knows what is in it; give this user '
                "the permission, then give the same command again"
            ) from error
        self.busy_if_locked = places.locks
        return found, places

    def _print(self) -> list[Item]:
        folder = self._installation.folder / VOICEPRINTS
        path = folder / f"{self._subject.name}.json"
        if self._subject.scope != SPEAKER or not path.is_file():
            return []
        what = f"print of {self._subject.name}'s voice"
        return [Item(kind=FILE, place=str(folder), key=path.name, bytes=path.stat().st_size, what=what)]


def settle(receipt: Receipt, found: Found) -> None:
    """Bases and what was made from them, and what stays: later looks find less, so the first ones' words remain."""
    for base in found.bases:
        if base not in receipt.retired_bases:
            receipt.retired_bases.append(base)
    for card, where in found.cards:
        base = _base_of(card, receipt.retired_bases)
        made = {"name": str(card.get("name")), "place": where, "base": base or ""}
        if base is not None and made not in receipt.made_from_them:
            receipt.made_from_them.append(made)
    receipt.kept += [kept for kept in found.kept if kept not in receipt.kept]


def _new(request: Request, installation: Installation) -> Receipt:
    consents = []
    if request.scope != VOICE:
        consents = [each.id for each in installation.consents().records() if each.speaker_id == request.name]
    receipt = Receipt(
        scope=request.scope,
        name=request.name,
        reason=request.reason,
        consents=consents,
        asked_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    receipt.kept.append(Kept(what=str(installation.folder / "consents"), why="consents: they prove what was allowed"))
    why = "the log of what was spoken: a chain of signatures that answers whose a marked sound is; it has no sound"
    receipt.kept.append(Kept(what=str(installation.log_folder), why=why))
    return receipt


def _remember(receipt: Receipt, request: Request) -> None:
    """Places of this run beside those of earlier ones."""
    asked: dict[str, Any] = {
        "stores": [_plain_place(place) for place in request.stores],
        "folders": [str(path.absolute()) for path in request.folders],
        "recordings": [str(path.absolute()) for path in request.recordings],
        "trackers": list(request.trackers),
        "tables": [str(path.absolute()) for path in request.tables],
        "uids": [],
        "voices": [],
    }
    for name, values in asked.items():
        known = receipt.looked_in.setdefault(name, [])
        known += [value for value in values if value not in known]
    receipt.looked_in["namespace"] = request.namespace


def _entries(table: Path, found: Found, subject: Subject) -> list[Item]:
    served = read_table(table)
    names = {name for name in served.voices if name in found.voices}
    for voice, share in served.shares():
        card = table.parent / share.bundle / CARD
        if "://" not in share.bundle and card.is_file() and subject.owns_card(parsed(card.read_bytes())):
            names.add(voice)
            found.voices.add(voice)
    return [Item(kind=ENTRY, place=str(table), key=name, what=f"{name} is served") for name in sorted(names)]


def _tracked(uri: str, found: Found, subject: Subject) -> list[Item]:
    def is_theirs(run: TrackedRun) -> bool:
        speakers = run.tags.get("clocktrain.speakers", "").split(",")
        return run.tags.get("clocktrain.uid") in found.uids or subject.owns_run(run.name, speakers)

    return find_in_tracker(uri, is_theirs, voices=found.voices)


def _base_of(card: dict[str, Any], bases: Sequence[dict[str, str]]) -> str | None:
    training = card.get("training")
    training = training if isinstance(training, dict) else {}
    for base in bases:
        if training.get("baseDigest") == base["digest"]:
            return base["name"]
        named = training.get("base")
        if named and os.path.abspath(str(named)) == base["place"]:
            return base["name"]
    return None


def _retire(receipt: Receipt, installation: Installation, signer: Signer) -> ClockTrainError | None:
    """Retire the receipt's bases here and in each store; why one did not take it keeps nothing from being erased."""
    failure: ClockTrainError | None = None
    for base in receipt.retired_bases:
        retire(base, receipt.name, installation, signer)
        for place in receipt.looked_in["stores"]:
            if "://" not in place and not Path(place).is_dir():
                continue
            try:
                retire_in_store(base, receipt.name, open_storage(place), receipt.looked_in["namespace"], signer)
            except ClockTrainError as error:
                failure = failure or error
    return failure


def _bases(receipt: Receipt | None) -> list[dict[str, str]]:
    return [] if receipt is None else receipt.retired_bases


def _begun(request: Request, installation: Installation, receipts: FolderStorage) -> tuple[str, Receipt | None]:
    """The newest receipt of this scope and name."""
    pattern = re.compile(rf"{request.scope}-{re.escape(_file_name(request.name))}-\d{{8}}T\d{{6}}Z\.json")
    keys = [item.key for item in receipts.list("") if pattern.fullmatch(item.key)]
    if not keys:
        return "", None
    key = max(keys)
    return key, read_receipt(receipts.get(key), installation.trusted_keys(), where=str(receipts.root / key))


def _key_of(receipt: Receipt) -> str:
    time = re.sub(r"[-:]", "", receipt.asked_at.partition("+")[0])
    return f"{receipt.scope}-{_file_name(receipt.name)}-{time}Z.json"


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.@-]", "_", name)


def _plain_place(place: str) -> str:
    return place if place.startswith("s3://") else str(Path(place.removeprefix("file://")).absolute())


def _nothing(request: Request) -> ErasureFoundNothing:
    taught = ", ".join(request.name + end for end in TAUGHT[1:])
    also = f" (nor of {taught})" if request.scope == VOICE else ""
    return ErasureFoundNothing(
        f'nothing of the {request.scope} "{request.name}"{also} is in the places that were given; check the name, and '
        "give the places: --store, --folder, --tracking"
    )


@contextmanager
def _alone(path: Path, doing: str) -> Iterator[None]:
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise StorageDenied(f'"{path}" cannot be written ({error.strerror}); give this user the permission') from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunBusy(
                f"another process is {doing}; end it or wait for it, then give the same command again"
            ) from None
        yield
