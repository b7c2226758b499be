"""What a person is given: all that is held, nothing of anybody else, and nothing where a part is missing."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from small_world import World, everything, make_world  # pyright: ignore[reportMissingImports]

from clock_train.audit.accesses import accesses_of
from clock_train.audit.log import chains_in
from clock_train.audit.signing import is_signed
from clock_train.cli.main import run
from clock_train.compliance.sealing import print_keys
from clock_train.compliance.voice_registry import register
from clock_train.consent.record import licence_record
from clock_train.erasure.receipt import canonical
from clock_train.erasure.request import VOICEPRINTS, Request, erase
from clock_train.errors import ConfigValueInvalid, ErasureFoundNothing, StorageUnreachable
from clock_train.issuing.access import Access, record_access
from clock_train.issuing.installation import Installation
from clock_train.privacy.disclosure import disclose

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path / "world")


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    own = Installation()
    for speaker in ("anna", "ben"):
        record = licence_record(
            speaker_id=speaker, licence="CC0", licence_uri="", attribution="", recordings_sha256="0" * 64
        )
        own.consents().keep(record)
        record_access(own, Access.LOAD, voice=f"{speaker}@1", by="server", speakers=[speaker])
        register(own.folder / VOICEPRINTS, speaker, np.full(256, 1 / 16, np.float32), print_keys(own.folder))
    yield own


def archive_of(world: World, installation: Installation, tmp_path: Path) -> dict[str, bytes]:
    made = disclose(world.request(), installation, tmp_path / "anna.zip", now=NOW)
    assert made.path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_the_person_gave_is_in_it_and_what_was_made_of_it_is_listed(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    before = everything(world.root)
    content = archive_of(world, installation, tmp_path)
    assert everything(world.root) == before
    given = {name.split("/", 2)[2]: value for name, value in content.items() if name.startswith("given/")}
    assert given["recordings/anna/one.wav"] == b"anna speaks"
    assert given["corpora/anna/audio/anna-0.flac"] == b"anna says 0"
    about = json.loads(content["about.json"])
    listed = {each["key"] for each in about["held"] if each["file"] is None}
    assert "runs/anna/voice/weights.safetensors" in listed and "weights" not in b"".join(given.values()).decode()
    assert any(key.startswith("local/runs/uid-anna/") for key in listed)
    assert all(each["file"] in content for each in about["held"] if each["file"])
    (consent,) = about["consents"]
    assert consent["kind"] == "licence" and f"consents/{consent['id']}.json" in content
    assert len(json.loads(content["print.json"])["vector"]) == 256
    (use,) = [json.loads(line) for line in content["uses.jsonl"].splitlines()]
    assert (use["access"], use["voice"]) == ("load", "anna@1")
    assert is_signed(canonical(about), about["signature"], installation.signer().public_key)


def test_nothing_of_another_person_is_in_it(world: World, installation: Installation, tmp_path: Path) -> None:
    content = archive_of(world, installation, tmp_path)
    about = json.loads(content["about.json"])
    shared = [each for each in about["held"] if each["what"] == "anna's lines of a corpus"]
    (manifest,) = [content[each["file"]].decode() for each in shared]
    assert [json.loads(line)["speaker"] for line in manifest.splitlines()] == ["anna", "anna"]
    (log,) = [content[each["file"]] for each in about["held"] if each["key"] == "gateway.log"]
    assert log == b"loaded anna\n"
    own = {name: value for name, value in content.items() if name not in ("about.json", "index.html")}
    assert [name for name, value in own.items() if b"ben" in value.replace(b"annabel", b"")] == []


def test_a_corpus_that_only_a_store_has_is_given_out_of_it(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    sound = b"fLaC anna in the store only"
    corpus = Path(world.store) / "local/corpora/anna/files/md5"
    clip = next(path for path in corpus.rglob("*") if path.is_file() and path.read_bytes() == b"anna says 1")
    clip.write_bytes(sound)
    content = archive_of(world, installation, tmp_path)
    assert sound in content.values()


def test_the_page_names_everything_and_carries_no_foreign_code(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    (world.folder / "recordings" / "anna" / "<script>alert(1).wav").write_bytes(b"RIFF of anna")
    page = archive_of(world, installation, tmp_path)["index.html"].decode()
    assert "recordings of anna" in page and "CC0" not in page and "licence-anna" in page
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "http://" not in page and "https://" not in page


def test_handing_it_out_is_logged(world: World, installation: Installation, tmp_path: Path) -> None:
    archive_of(world, installation, tmp_path)
    *_, line = accesses_of(chains_in(installation.log_folder), name="anna")
    assert (line.access, line.speakers) == ("disclose", ("anna",)) and line.consent_ids


def test_after_an_erasure_consents_uses_and_the_receipt_are_left(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    erase(world.request(), installation)
    about = json.loads(archive_of(world, installation, tmp_path)["about.json"])
    assert about["held"] == [] and len(about["consents"]) == 1 and about["uses"] == 1
    (receipt,) = about["erasedBefore"]
    assert receipt["scope"] == "speaker" and receipt["complete"] and receipt["objects"] > 15


def test_nobody_of_that_name_is_said(world: World, installation: Installation, tmp_path: Path) -> None:
    with pytest.raises(ErasureFoundNothing, match="anne"):
        disclose(world.request(name="anne"), installation, tmp_path / "anne.zip", now=NOW)
    assert not (tmp_path / "anne.zip").exists()


def test_an_archive_that_is_there_is_kept(world: World, installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "anna.zip").write_text("of last year")
    with pytest.raises(ConfigValueInvalid, match="is there already"):
        disclose(world.request(), installation, tmp_path / "anna.zip", now=NOW)
    assert (tmp_path / "anna.zip").read_text() == "of last year"


def test_a_place_that_is_away_leaves_no_half_archive(
    world: World, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOCKTRAIN_S3_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    request = Request(scope="speaker", name="anna", stores=["s3://bucket"], folders=[world.folder])
    with pytest.raises(StorageUnreachable):
        disclose(request, installation, tmp_path / "anna.zip", now=NOW)
    assert [path.name for path in tmp_path.iterdir() if "zip" in path.name] == []


def test_a_place_that_cannot_be_written_is_told(world: World, installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigValueInvalid, match="cannot be written"):
        disclose(world.request(), installation, tmp_path / "file" / "anna.zip", now=NOW)


def test_the_command(
    world: World, installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "given" / "anna.zip"
    words = ["privacy", "export", "anna", "--folder", str(world.folder), "--store", world.store, "--out", str(out)]
    assert run([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["archive"] == str(out) and told["copied"] > 3 and told["consents"] == 1
    assert run(words) == 2
    assert "is there already" in capsys.readouterr().err
    out.unlink()
    assert run(words) == 0
    assert "hand it to that person only" in capsys.readouterr().out
