"""A store and folders with two speakers' things: what says whose it is is real, sounds and weights are a few bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clock_train.consent.record import licence_record, write_record
from clock_train.erasure.request import Request
from clock_train.serving.serving_table import ServingTable, Share, write_table
from clock_train.storage.folder import FolderStorage
from clock_train.storage.opening import Storage

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class World:
    """Where everything is."""

    root: Path
    store: str

    @property
    def folder(self) -> Path:
        return self.root / "work"

    def request(self, scope: str = "speaker", name: str = "anna", **changes: object) -> Request:
        return Request(scope=scope, name=name, stores=[self.store], folders=[self.folder], **changes)  # type: ignore[arg-type]


def make_world(root: Path, storage: Storage | None = None, store: str | None = None) -> World:
    """Anna and Ben: recordings, corpora with revisions, runs, voices, bundles, a base of both, what is served, logs."""
    storage = storage or FolderStorage(root / "store")
    world = World(root, store or str(root / "store"))
    work = world.folder
    for speaker in ("anna", "ben"):
        _recordings(work / "recordings" / speaker, speaker)
        corpus = _corpus(work / "corpora" / speaker, [speaker])
        _push(storage, speaker, corpus)
        card = _card(speaker, [speaker], base=str(work / "base") if speaker == "ben" else None)
        _output(work / "runs" / speaker, speaker, [speaker], card)
        _stored(storage, f"uid-{speaker}", speaker, [speaker], card)
    _corpus(work / "corpora" / "both", ["anna", "ben"])
    base = work / "base"
    base.mkdir()
    (base / "voice.json").write_text(json.dumps(_card("everybody", ["anna", "ben"], kind="base")))
    (base / "weights.safetensors").write_bytes(b"weights of both")
    served = {
        name: {"champion": (Share(version=1, digest="d", bundle=f"runs/{name}/voice", percent=100),)}
        for name in ("anna", "ben")
    }
    write_table(work / "serving.json", ServingTable(served))
    (work / "gateway.log").write_text("loaded anna\nloaded ben\nannabel is nobody\n")
    return world


def everything(folder: Path) -> dict[str, bytes]:
    """Every file but locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


def _recordings(folder: Path, speaker: str) -> None:
    folder.mkdir(parents=True)
    (folder / "one.wav").write_bytes(f"{speaker} speaks".encode())
    record = licence_record(
        speaker_id=speaker, licence="none", licence_uri="", attribution="", recordings_sha256="0" * 64
    )
    write_record(folder, record)


def _corpus(folder: Path, speakers: list[str]) -> Path:
    (folder / "audio").mkdir(parents=True)
    lines = []
    for speaker in speakers:
        for number in range(2):
            path = f"audio/{speaker}-{number}.flac"
            (folder / path).write_bytes(f"{speaker} says {number}".encode())
            lines.append(json.dumps({"id": f"{speaker}-{number}", "speaker": speaker, "text": "hello", "path": path}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "quality.json").write_text("{}")
    return folder


def _push(storage: Storage, name: str, corpus: Path) -> None:
    """As DVC keeps it; ``tests/erasure/test_real_erasure.py`` has DVC itself do it."""
    entries = []
    for path, content in everything(corpus).items():
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        entries.append({"md5": md5, "relpath": path})
        storage.put(f"local/corpora/{name}/files/md5/{md5[:2]}/{md5[2:]}", content)
    listing = json.dumps(entries).encode()
    md5 = hashlib.md5(listing, usedforsecurity=False).hexdigest()
    storage.put(f"local/corpora/{name}/files/md5/{md5[:2]}/{md5[2:]}.dir", listing)
    storage.put(f"local/corpora/{name}/revisions/{md5}.json", b"{}")


def _card(name: str, speakers: list[str], *, kind: str = "voice", base: str | None = None) -> dict[str, object]:
    return {
        "schemaVersion": 1, "name": name, "kind": kind, "version": 1, "speakers": speakers,
        "corpusRevision": f"revision of {name}", "training": {"base": base}, "files": {},
    }  # fmt: skip


def _output(folder: Path, name: str, speakers: list[str], card: dict[str, object]) -> None:
    (folder / "voice").mkdir(parents=True)
    (folder / "voice" / "voice.json").write_text(json.dumps(card))
    (folder / "voice" / "weights.safetensors").write_bytes(b"weights")
    facts = {"uid": f"uid-{name}", "name": name, "speakers": speakers}
    (folder / f"run-uid-{name}.json").write_text(json.dumps(facts))
    (folder / f"history-uid-{name}.jsonl").write_text("{}\n")
    (folder / "packed-1.npz").write_bytes(b"samples")
    (folder / "notes.txt").write_text("a person's own")


def _stored(storage: Storage, uid: str, name: str, speakers: list[str], card: dict[str, object]) -> None:
    prefix = f"local/runs/{uid}/attempt-1"
    storage.put(f"{prefix}/run.json", json.dumps({"uid": uid, "name": name, "speakers": speakers}).encode())
    storage.commit(f"{prefix}/checkpoints/step-10", {"weights": b"checkpoint"}, committed_at=NOW)
    content = json.dumps(card).encode()
    digest = hashlib.sha256(content).hexdigest()
    storage.commit(f"local/bundles/{digest}", {"voice.json": content, "graph.onnx": b"graph"}, committed_at=NOW)
