"""Erasing a voice or a speaker: all of it, nothing of others, with a receipt that is signed and can be proved."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import World, everything, make_world

from clock_train.cli.main import run
from clock_train.consent.record import licence_record
from clock_train.data.packed_file import PackedCorpus, save_packed
from clock_train.erasure.erasing import still_there
from clock_train.erasure.receipt import ENTRY, read_receipt
from clock_train.erasure.removing import Remover
from clock_train.erasure.request import Request, erase, plan
from clock_train.erasure.retired_bases import check_not_retired
from clock_train.erasure.verifying import verify_receipt
from clock_train.errors import (
    BaseRetired,
    ConfigValueInvalid,
    ErasureFoundNothing,
    ErasureRemains,
    ErasureUnfinished,
    ReceiptForged,
    ReceiptInvalid,
    RunBusy,
    StorageDenied,
    StorageRootInvalid,
    StorageUnreachable,
)
from clock_train.issuing.installation import Installation
from clock_train.serving.serving_table import read_table
from clock_train.storage.folder import FolderStorage


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path / "world")


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield Installation()


def test_a_speaker_goes_wholly_and_nobody_else(world: World, installation: Installation) -> None:
    before = everything(world.root)
    receipt, path = erase(world.request(), installation)
    after = everything(world.root)
    (retired,) = after.keys() - before.keys()
    assert receipt.is_complete and retired.startswith("store/local/retired-bases/")
    gone = before.keys() - after.keys()
    own = {
        key
        for key in before
        if ("anna" in key and not key.endswith("notes.txt")) or (key.startswith("store/local/corpora/anna/"))
    }
    bundle = {key for key in gone if "/bundles/" in key}
    assert gone - bundle == own | {"work/runs/anna/packed-1.npz"} and len(bundle) == 3
    assert [line for line in after["work/corpora/both/manifest.jsonl"].decode().splitlines() if "anna" in line] == []
    assert after["work/gateway.log"].decode() == "loaded ben\nannabel is nobody\n"
    assert read_table(world.folder / "serving.json").voices.keys() == {"ben"}
    changed = {"work/corpora/both/manifest.jsonl", "work/gateway.log", "work/serving.json"}
    assert {key for key in after.keys() & before.keys() if after[key] != before[key]} == changed
    proof = verify_receipt(path.read_bytes(), installation.trusted_keys(), where=str(path))
    assert proof.looked_up == len(receipt.items) > 15


def test_a_voice_goes_without_recordings_and_corpora(world: World, installation: Installation) -> None:
    before = everything(world.root)
    receipt, _ = erase(world.request("voice"), installation)
    gone = before.keys() - everything(world.root).keys()
    assert not [key for key in gone if "corpora" in key or "recordings" in key]
    assert {key for key in gone if "/runs/anna" in key} and {key for key in gone if "/runs/uid-anna" in key}
    assert not [key for key in gone if "ben" in key]
    assert any("corpora/anna" in kept.what for kept in receipt.kept)
    assert read_table(world.folder / "serving.json").voices.keys() == {"ben"}


@pytest.mark.parametrize("speakers", [["anna"], ["ben", "anna"]])
def test_packed_recordings_of_a_training_that_never_began_are_found_with_their_parcel(
    world: World, installation: Installation, speakers: list[str]
) -> None:
    output = world.folder / "runs" / "unbegun"
    (output / "parcel" / "corpus").mkdir(parents=True)
    (output / "parcel" / "corpus" / "sound.opus").write_bytes(b"anna speaks")
    nothing = np.zeros(0, np.int64)
    names = ("clip_ids", "texts", "languages", "styles", "emotions")
    arrays = ("samples", "sample_offsets", "tokens", "token_offsets", "speaker_of", "split_of", "speed_percent")
    packed = PackedCorpus(
        sample_rate_hz=16_000, inventory_id="i", speakers=speakers, **{name: [] for name in names},
        **dict.fromkeys(arrays, nothing),
    )  # fmt: skip
    save_packed(packed, output / "packed-2.npz")
    erase(world.request(), installation)
    assert not [path for path in output.rglob("*") if path.is_file() and path.name != ".lock"]


def test_what_is_served_goes_first(world: World, installation: Installation) -> None:
    receipt = plan(world.request(), installation)
    assert receipt.to_do()[0].kind == ENTRY


def test_a_base_of_the_speaker_is_retired_and_what_was_made_from_it_is_named(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    check_not_retired(world.folder / "base", installation)
    receipt, _ = erase(world.request(), installation)
    assert [base["name"] for base in receipt.retired_bases] == ["everybody"]
    assert {made["name"] for made in receipt.made_from_them} == {"ben"}
    assert (world.folder / "base" / "weights.safetensors").exists()
    copied = shutil.copytree(world.folder / "base", tmp_path / "copied")
    with pytest.raises(BaseRetired, match="anna, who was erased"):
        check_not_retired(copied, installation)
    check_not_retired(world.folder / "runs" / "ben" / "voice", installation)
    elsewhere = Installation(tmp_path / "elsewhere")
    check_not_retired(copied, elsewhere)
    with pytest.raises(BaseRetired, match="anna, who was erased"):
        check_not_retired(copied, elsewhere, storage=FolderStorage(world.store))


def test_every_object_is_on_the_receipt_with_its_hash_and_time(world: World, installation: Installation) -> None:
    _, path = erase(world.request(reason="withdrawn"), installation)
    values = json.loads(path.read_bytes())
    assert values["asked"]["reason"] == "withdrawn" and values["complete"]
    assert all(each["state"] == "erased" and each["time"] for each in values["objects"])
    files = [each for each in values["objects"] if each["kind"] in ("file", "object")]
    assert all(len(each["sha256"]) == 64 for each in files)


def test_a_plan_changes_nothing(world: World, installation: Installation) -> None:
    before = everything(world.root)
    assert len(plan(world.request(), installation).items) > 15
    assert everything(world.root) == before


def test_killed_at_each_step_it_finishes_the_next_time(tmp_path: Path, installation: Installation) -> None:
    whole = make_world(tmp_path / "whole")
    items = {(item.kind, item.key) for item in plan(whole.request(), installation).items.values()}
    step, killed = 0, True
    while killed:
        step += 1
        world = make_world(tmp_path / f"world-{step}")
        own = Installation(tmp_path / f"issuing-{step}")
        killed = _killed_at(step, world, own)
        receipt, path = erase(world.request(), own)
        assert receipt.is_complete and still_there(receipt) == [], step
        assert {(item.kind, item.key) for item in receipt.items.values()} == items, step
        verify_receipt(path.read_bytes(), own.trusted_keys(), where=str(path))
        left = [key for key in everything(world.root) if "anna" in key and not key.endswith("notes.txt")]
        assert left == [], step
        shutil.rmtree(world.root)
    assert step > 2 * len(items)  # before and after each removal, and around each write of the receipt


def _killed_at(step: int, world: World, installation: Installation) -> bool:
    """Run an erasure in a child that is killed at one of its steps; False where it had fewer."""
    child = os.fork()
    if child == 0:
        left = step

        def tick() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        remove, put = Remover.remove, FolderStorage.put

        def removing(self: Remover, item: object) -> None:
            tick()
            remove(self, item)  # type: ignore[arg-type]
            tick()

        def putting(self: FolderStorage, key: str, source: bytes | Path) -> object:
            tick()
            done = put(self, key, source)
            tick()
            return done

        Remover.remove, FolderStorage.put = removing, putting  # type: ignore[method-assign,assignment]
        try:
            erase(world.request(), installation)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_store_that_is_away_keeps_nothing_else_from_going(
    world: World, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: FolderStorage, key: str) -> None:
        raise StorageUnreachable("nobody answers")

    with monkeypatch.context() as patched:
        patched.setattr(FolderStorage, "erase", away)
        with pytest.raises(StorageUnreachable):
            erase(world.request(), installation)
    (path,) = (installation.folder / "erasures").glob("*.json")
    first = json.loads(path.read_bytes())
    assert not first["complete"] and not (world.folder / "runs" / "anna" / "voice").exists()
    with pytest.raises(ErasureUnfinished, match="still to be erased"):
        verify_receipt(path.read_bytes(), installation.trusted_keys(), where="it")
    receipt, again = erase(world.request(), installation)
    assert again == path and receipt.is_complete


def test_a_second_time_is_the_same_receipt_and_a_new_thing_a_new_one(world: World, installation: Installation) -> None:
    _, first = erase(world.request(), installation)
    receipt, second = erase(world.request(), installation)
    assert second == first and receipt.is_complete
    (world.folder / "late.log").write_text("anna again\n")
    receipt, _ = erase(world.request(), installation)
    assert [item.key for item in receipt.items.values()] == ["late.log"]


def test_what_is_there_again_is_found_by_the_proof(world: World, installation: Installation) -> None:
    _, path = erase(world.request(), installation)
    again = world.root / "store" / "local" / "runs" / "uid-anna" / "attempt-1" / "run.json"
    again.parent.mkdir(parents=True)
    again.write_text("{}")
    with pytest.raises(ErasureRemains, match=r"run\.json"):
        verify_receipt(path.read_bytes(), installation.trusted_keys(), where=str(path))


def test_an_altered_or_a_strangers_receipt_proves_nothing(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    _, path = erase(world.request(), installation)
    content = path.read_bytes()
    with pytest.raises(ReceiptForged, match="altered"):
        read_receipt(content.replace(b"uid-anna", b"uid-anne"), installation.trusted_keys(), where="it")
    with pytest.raises(ReceiptForged, match="not trusted"):
        read_receipt(content, Installation(tmp_path / "elsewhere").trusted_keys(), where="it")
    for damaged in (b"", b"[]", b"{}", content[:-40]):
        with pytest.raises(ReceiptInvalid):
            read_receipt(damaged, installation.trusted_keys(), where="it")


def test_bad_requests_are_refused(world: World, installation: Installation) -> None:
    with pytest.raises(ErasureFoundNothing, match="anne"):
        erase(world.request(name="anne"), installation)
    for name in ("", "../anna", "a\nb"):
        with pytest.raises(ConfigValueInvalid):
            world.request(name=name)
    with pytest.raises(ConfigValueInvalid, match="holds more"):
        Request(scope="voice", name="a", folders=[Path.home()])
    with pytest.raises(ConfigValueInvalid, match="is no folder"):
        Request(scope="voice", name="a", stores=[str(world.root / "typo")])
    with pytest.raises(StorageRootInvalid):
        Request(scope="voice", name="a", stores=["s3://bucket/behind"])
    assert not (world.root / "typo").exists()
    with pytest.raises(ConfigValueInvalid, match="never takes recordings"):
        world.request("voice", recordings=[world.folder])


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    world: World, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clock_train.erasure import in_folders

    walk = os.walk

    def denied(path: Path, **options: Any) -> Iterator[Any]:
        if path == world.folder:
            options["onerror"](PermissionError(13, "Permission denied", str(path)))
        return walk(path, **options)

    monkeypatch.setattr(in_folders.os, "walk", denied)
    with pytest.raises(StorageDenied, match="cannot be read"):
        erase(world.request(), installation)


def test_a_copy_in_tritons_repository_goes_with_its_model(world: World, installation: Installation) -> None:
    model = world.folder / "repository" / "anna-v1"
    shutil.copytree(world.folder / "runs" / "anna" / "voice", model / "1" / "bundle")
    (model / "config.pbtxt").write_text("name")
    erase(world.request("voice"), installation)
    assert not model.exists()


def test_a_revoked_consent_says_what_waits(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    record = installation.consents().keep(
        licence_record(speaker_id="anna", licence="none", licence_uri="", attribution="", recordings_sha256="0" * 64)
    )
    assert run(["consent", "revoke", record.id]) == 0
    assert "clocktrain erase speaker anna" in capsys.readouterr().err


def test_a_training_that_runs_is_not_erased_under(world: World, installation: Installation) -> None:
    import fcntl

    with (world.folder / "runs" / "anna" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RunBusy, match="training into"):
            erase(world.request(), installation)
    assert (world.folder / "runs" / "anna" / "voice").exists()


def test_the_commands(world: World, installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--store", world.store, "--folder", str(world.folder)]
    assert run(["erase", "speaker", "anna", *places, "--dry-run"]) == 0
    assert "would be erased" in capsys.readouterr().out
    assert run(["erase", "speaker", "anna", *places]) == 2  # nobody is there to ask
    assert "--yes" in capsys.readouterr().err
    assert run(["erase", "speaker", "anna", *places, "--yes", "--json"]) == 0
    receipt = json.loads(capsys.readouterr().out)["receipt"]
    assert run(["erase", "verify", receipt]) == 0
    assert "none is left" in capsys.readouterr().out
    assert run(["erase", "verify", str(world.folder / "nothing.json")]) == 2
