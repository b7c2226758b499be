"""Corpora as revisions: pushed to a folder or a bucket, pulled from it, listed and compared.

DVC keeps the content, as a program of its own in a scratch workspace without Git; ``<namespace>/corpora/<name>/`` is
one DVC remote, and stock ``dvc pull`` works with the ``.dvc`` file that a push leaves beside the corpus. A revision is
DVC's hash of the folder; what a person wants to know of it lies in ``revisions/<revision>.json`` of the same place.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clock_train.data.manifest import MANIFEST_NAME, read_corpus
from clock_train.data.replacing import put_in_place, workplace
from clock_train.errors import (
    CorpusPushBusy,
    CorpusRevisionDamaged,
    CorpusRevisionUnknown,
    CorpusVersioningFailed,
    StorageKeyInvalid,
    StorageNotFound,
    StorageRootInvalid,
)
from clock_train.storage.keys import check_key
from clock_train.storage.opening import Storage, open_storage

DVC_LIMIT_S = 3600
"""For one DVC command: 10 GB over 25 Mbit/s take about as long."""
FEWEST_DIGITS = 4
"""Of a revision; as many as a person types."""

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One state of a corpus, as it was pushed."""

    revision: str
    """DVC's md5 of the folder, without ``.dir``."""
    name: str
    time: str
    message: str
    parent: str | None
    clips: int
    seconds: float
    manifest_sha256: str
    size_bytes: int
    files: int


@dataclass(frozen=True, kw_only=True)
class CorpusDifference:
    """What changed from one revision to another, by clip id."""

    added: list[str]
    removed: list[str]
    changed: dict[str, list[str]]
    """Clip → which of text, verdict, seconds and sound differ."""
    seconds_before: float
    seconds_after: float


def push_corpus(
    corpus_folder: Path, remote: str, name: str, message: str, *, namespace: str = "local", report: Report = print
) -> Revision:
    """Keep the corpus as it is now; the same content again gives the revision that is there.

    Raises:
        CorpusNotFound, CorpusDamaged: the folder is no whole corpus.
        CorpusPushBusy: another push of this name is running on this machine.
        StorageError: the remote cannot be reached, refuses or is full.
    """
    corpus = read_corpus(corpus_folder)
    place = _Place(remote, name, namespace, may_be_new=True)
    with _one_push_at_a_time(place), _scratch_beside(corpus_folder) as scratch:
        known = place.revisions()
        workspace = _Workspace(scratch, place, cache_type="hardlink,copy")
        report(f"hashing and sending {corpus_folder} with DVC (it takes about two seconds to start)")
        # not "add --to-remote": DVC 3.67 leaves a second copy of every file in the remote, under a temporary name
        shutil.copytree(corpus_folder, scratch / "corpus")
        workspace.dvc("add", "corpus")
        workspace.dvc("push", "-r", "store", "corpus.dvc")
        pointer = (scratch / "corpus.dvc").read_text(encoding="utf-8")
        revision = _field(pointer, "md5").removesuffix(".dir")
        _leave_pointer(corpus_folder, pointer)
        same = [each for each in known if each.revision == revision]
        if same:
            report(f"nothing changed since {revision[:12]}")
            return same[0]
        record = Revision(
            revision=revision,
            name=name,
            time=datetime.now(UTC).isoformat(),
            message=message,
            parent=known[0].revision if known else None,
            clips=len(corpus.clips),
            seconds=round(corpus.seconds(), 3),
            manifest_sha256=hashlib.sha256((corpus_folder / MANIFEST_NAME).read_bytes()).hexdigest(),
            size_bytes=int(_field(pointer, "size")),
            files=int(_field(pointer, "nfiles")),
        )
        # last: a push that broke off leaves objects that no revision names
        place.storage.put(place.record_key(revision), (json.dumps(asdict(record), ensure_ascii=False) + "\n").encode())
    return record


def pull_corpus(
    remote: str, name: str, revision: str, out: Path, *, namespace: str = "local", report: Report = print
) -> Revision:
    """Write one revision to a folder, which is replaced whole or not at all.

    Raises:
        CorpusRevisionUnknown: no such corpus or revision in the remote.
        CorpusRevisionDamaged: an object is missing, or its bytes are not those that were pushed.
    """
    place = _Place(remote, name, namespace)
    record = place.revision(revision)
    with workplace(out) as scratch:
        workspace = _Workspace(scratch, place, cache_type="copy")
        (scratch / "corpus.dvc").write_text(_pointer(record), encoding="utf-8")
        report(f"fetching revision {record.revision[:12]} of {name} with DVC (it takes about two seconds to start)")
        try:
            workspace.dvc("pull", "-r", "store", "corpus.dvc")
        except CorpusVersioningFailed:
            place.check(record)  # names the object, where one is the cause
            raise
        found = hashlib.sha256((scratch / "corpus" / MANIFEST_NAME).read_bytes()).hexdigest()
        if found != record.manifest_sha256:
            raise CorpusRevisionDamaged(
                f"{MANIFEST_NAME} of revision {record.revision[:12]} of {name} is not the one that was pushed. "
                "Pull another revision, or push the corpus again."
            )
        read_corpus(scratch / "corpus")
        put_in_place(scratch / "corpus", out)
    _leave_pointer(out, _pointer(record))
    return record


def revision_of(corpus_folder: Path) -> str | None:
    """The revision that a corpus folder was last pushed as or pulled from; None if it was built anew since."""
    folder = corpus_folder.resolve()
    pointer = folder.parent / f"{folder.name}.dvc"
    try:
        if pointer.stat().st_mtime < (folder / MANIFEST_NAME).stat().st_mtime:
            return None
        return _field(pointer.read_text(encoding="utf-8"), "md5").removesuffix(".dir")
    except FileNotFoundError:
        return None


def corpus_log(remote: str, name: str, *, namespace: str = "local") -> list[Revision]:
    """Every revision of a corpus, newest first.

    Raises:
        CorpusRevisionUnknown: nothing was pushed under this name.
    """
    found = _Place(remote, name, namespace).revisions()
    if not found:
        raise CorpusRevisionUnknown(f'{remote} has no corpus "{name}". Push one with "clocktrain corpus push".')
    return found


def corpus_diff(remote: str, name: str, a: str, b: str, *, namespace: str = "local") -> CorpusDifference:
    """What changed from revision ``a`` to ``b``; only the two manifests are read."""
    place = _Place(remote, name, namespace)
    before, after = (place.clips(place.revision(each)) for each in (a, b))
    changed = {
        clip: [each for each in ("text", "verdict", "seconds", "sound") if before[clip][each] != after[clip][each]]
        for clip in before.keys() & after.keys()
        if before[clip] != after[clip]
    }
    return CorpusDifference(
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changed=dict(sorted(changed.items())),
        seconds_before=_accepted_seconds(before),
        seconds_after=_accepted_seconds(after),
    )


class _Place:
    """Where one corpus is kept: the store, and below which key."""

    def __init__(self, remote: str, name: str, namespace: str, *, may_be_new: bool = False) -> None:
        if "/" in name or "/" in namespace:
            raise StorageKeyInvalid(f'"{namespace}/{name}": a name has no slash. Give one such as "anna".')
        self.prefix = check_key(f"{namespace}/corpora/{name}")
        self.remote, self.name = remote, name
        self.is_bucket = remote.startswith("s3://")
        folder = Path(remote.removeprefix("file://"))
        if not self.is_bucket and not may_be_new and not folder.is_dir():
            raise StorageRootInvalid(f"{remote} is no folder. Give the remote that the corpus was pushed to.")
        self.storage: Storage = open_storage(remote)
        self.dvc_url = f"{remote.rstrip('/')}/{self.prefix}" if self.is_bucket else str(folder.absolute() / self.prefix)

    def record_key(self, revision: str) -> str:
        return f"{self.prefix}/revisions/{revision}.json"

    def revisions(self) -> list[Revision]:
        """Newest first."""
        keys = [item.key for item in self.storage.list(f"{self.prefix}/revisions") if item.key.endswith(".json")]
        return sorted((self._record(key) for key in keys), key=lambda each: each.time, reverse=True)

    def revision(self, wanted: str) -> Revision:
        """By its first digits."""
        known = self.revisions()
        found = [each for each in known if each.revision.startswith(wanted)] if len(wanted) >= FEWEST_DIGITS else []
        if len(found) == 1:
            return found[0]
        listed = ", ".join(each.revision[:12] for each in known[:5]) or "none"
        raise CorpusRevisionUnknown(
            f'"{wanted}" names {len(found)} revisions of "{self.name}" in {self.remote}; there are: {listed}. '
            f'Give at least {FEWEST_DIGITS} digits of one; "clocktrain corpus log" lists all.'
        )

    def clips(self, record: Revision) -> dict[str, dict[str, Any]]:
        """What a comparison looks at, by clip id."""
        entries = {each["relpath"]: each["md5"] for each in json.loads(self._content(f"{record.revision}.dir"))}
        lines = self._content(entries[MANIFEST_NAME]).decode().splitlines()
        clips = [json.loads(line) for line in lines if line.strip()]
        return {
            clip["id"]: {
                "text": clip["text"],
                "verdict": clip["verdict"],
                "seconds": clip["seconds"],
                "sound": entries.get(clip["path"]),
            }
            for clip in clips
        }

    def check(self, record: Revision) -> None:
        """Read every object of a revision.

        Raises:
            CorpusRevisionDamaged: one is missing or was changed; the message names it.
        """
        for entry in json.loads(self._content(f"{record.revision}.dir")):
            self._content(entry["md5"])

    def _content(self, md5: str) -> bytes:
        key = f"{self.prefix}/files/md5/{md5[:2]}/{md5[2:]}"
        try:
            content = self.storage.get(key)
        except StorageNotFound as cause:
            raise CorpusRevisionDamaged(f"{key} is missing in {self.remote}. Push the corpus again.") from cause
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5.removesuffix(".dir"):
            raise CorpusRevisionDamaged(f"{key} in {self.remote} was changed. Delete it and push the corpus again.")
        return content

    def _record(self, key: str) -> Revision:
        try:
            return Revision(**json.loads(self.storage.get(key)))
        except (ValueError, TypeError) as cause:
            raise CorpusRevisionDamaged(
                f"{key} in {self.remote} is no record ({cause}). Restore or delete it."
            ) from cause


class _Workspace:
    """A DVC repository without Git in a scratch folder, with one remote."""

    def __init__(self, folder: Path, place: _Place, *, cache_type: str) -> None:
        if importlib.util.find_spec("dvc") is None:
            raise ModuleNotFoundError("No module named 'dvc'", name="dvc")
        self._folder, self._place = folder, place
        # a push needs one copy beside the corpus; a pull must not hand out DVC's read-only links
        config = (
            "[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n"
            f"[cache]\n    type = {cache_type}\n"
            f"['remote \"store\"']\n    url = {place.dvc_url}\n    verify = true\n"
        )
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if place.is_bucket and endpoint:
            config += f"    endpointurl = {endpoint}\n"
        (folder / ".dvc").mkdir()
        (folder / ".dvc" / "config").write_text(config, encoding="utf-8")

    def dvc(self, *words: str) -> None:
        """Run one command; its own words only matter when it fails."""
        site = self._folder / ".dvc" / "site"  # so that no setting of this machine or person takes part
        environment = {
            **os.environ,
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(site),
            "DVC_GLOBAL_CONFIG_DIR": str(site),
            "DVC_SYSTEM_CONFIG_DIR": str(site),
        }
        try:
            run = subprocess.run(
                [sys.executable, "-m", "dvc", *words],
                cwd=self._folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=DVC_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as cause:
            raise CorpusVersioningFailed(
                f"DVC did not finish within {DVC_LIMIT_S} s. Run again: what was sent so far is kept."
            ) from cause
        if run.returncode:
            self._fail(words[0], f"{run.stderr}\n{run.stdout}")

    def _fail(self, verb: str, said: str) -> None:
        lines = [line.strip() for line in said.splitlines() if re.match(r"\s*(ERROR|WARNING)", line)]
        text = " ".join(dict.fromkeys(lines))[:1500] or said.strip()[-500:]
        raise CorpusVersioningFailed(
            f'DVC could not {verb} "{self._place.name}" ({self._place.remote}): {text} Mend that, then run again.'
        )


@contextlib.contextmanager
def _scratch_beside(corpus_folder: Path) -> Iterator[Path]:
    parent = corpus_folder.absolute().parent  # the system's temporary folder may have no room for a corpus
    with tempfile.TemporaryDirectory(prefix=".clocktrain-push-", dir=parent) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _one_push_at_a_time(place: _Place) -> Iterator[None]:
    """On this machine; from two machines both pushes stand, since objects are named by their content."""
    key = hashlib.sha256(f"{place.dvc_url}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"clocktrain-push-{os.getuid()}-{key}.lock"
    with open(path, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise CorpusPushBusy(
                f'another push of "{place.name}" to {place.remote} is running. Wait for it, then push again.'
            ) from cause
        yield


def _field(pointer: str, name: str) -> str:
    match = re.search(rf"^[- ]+{name}: (\S+)$", pointer, flags=re.MULTILINE)
    if not match:
        raise CorpusVersioningFailed(f"DVC wrote a file without {name}: {pointer!r}. Check the version of DVC.")
    return match[1]


def _pointer(record: Revision) -> str:
    return (
        f"outs:\n- md5: {record.revision}.dir\n  size: {record.size_bytes}\n  nfiles: {record.files}\n"
        "  hash: md5\n  path: corpus\n"
    )


def _leave_pointer(corpus_folder: Path, pointer: str) -> None:
    folder = corpus_folder.absolute()
    text = re.sub(r"^(\s+path:) corpus$", rf"\1 {json.dumps(folder.name)}", pointer, flags=re.MULTILINE)
    target = folder.parent / f"{folder.name}.dvc"
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)


def _accepted_seconds(clips: dict[str, dict[str, Any]]) -> float:
    return round(sum(clip["seconds"] for clip in clips.values() if clip["verdict"] == "accepted"), 3)
