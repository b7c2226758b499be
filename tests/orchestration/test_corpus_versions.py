"""A corpus pushed with real DVC comes back as it was, from a folder and from a real MinIO."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))
from minio_server import MinioServer  # pyright: ignore[reportMissingImports]

from clock_train.cli.main import run
from clock_train.errors import (
    CorpusPushBusy,
    CorpusRevisionDamaged,
    CorpusRevisionUnknown,
    StorageDenied,
    StorageRootInvalid,
    StorageUnreachable,
)
from clock_train.orchestration.corpus_versions import (
    _one_push_at_a_time,
    _Place,
    corpus_diff,
    corpus_log,
    pull_corpus,
    push_corpus,
)

pytestmark = pytest.mark.ring2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    with MinioServer(tmp_path_factory.mktemp("minio")) as running:
        yield running


@pytest.fixture(params=["folder", "bucket"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return str(tmp_path / "store")
    server: MinioServer = request.getfixturevalue("server")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{server.new_bucket()}"


def write_corpus(folder: Path, texts: dict[str, str], *, rejected: tuple[str, ...] = ()) -> Path:
    """A corpus whose sounds are a few bytes: nothing here listens to them."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    lines = []
    for name, text in texts.items():
        (folder / "audio" / f"{name}.flac").write_bytes(f"sound of {name}".encode())
        clip = {
            "id": name, "speaker": "anna", "text": text, "language": "en", "path": f"audio/{name}.flac", "seconds": 1.5,
            "verdict": "rejected" if name in rejected else "accepted",
            "origin": {"file": "a", "start_s": 0, "end_s": 1.5},
        }  # fmt: skip
        lines.append(json.dumps(clip))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_pushed_is_pulled_listed_and_compared(remote: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "anna", {"a": "one", "b": "two", "c": "three"})
    before = content(corpus)
    first = push_corpus(corpus, remote, "anna", "first")
    assert content(corpus) == before
    (corpus / "audio" / "c.flac").unlink()
    write_corpus(corpus, {"a": "ONE", "b": "two", "d": "four"}, rejected=("b",))
    second = push_corpus(corpus, remote, "anna", "second")
    again = push_corpus(corpus, remote, "anna", "the same once more")

    assert again == second
    assert corpus_log(remote, "anna") == [second, first]
    assert (second.parent, second.clips, second.seconds, second.message) == (first.revision, 3, 3.0, "second")
    difference = corpus_diff(remote, "anna", first.revision[:8], second.revision)
    assert (difference.added, difference.removed) == (["d"], ["c"])
    assert difference.changed == {"a": ["text"], "b": ["verdict"]}
    assert (difference.seconds_before, difference.seconds_after) == (4.5, 3.0)

    pull_corpus(remote, "anna", first.revision[:8], tmp_path / "out")
    assert content(tmp_path / "out") == before
    pull_corpus(remote, "anna", second.revision, tmp_path / "out")
    assert content(tmp_path / "out") == content(corpus)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    kept = [item.key for item in _Place(remote, "anna", "local").storage.list("")]
    assert [key for key in kept if key.endswith(".tmp")] == []
    kept = [item.key for item in _Place(remote, "anna", "local").storage.list("")]
    assert [key for key in kept if key.endswith(".tmp")] == []


def test_stock_dvc_pulls_what_was_pushed(remote: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "anna", {"a": "one"})
    push_corpus(corpus, remote, "anna", "first")
    work = tmp_path / "elsewhere"
    work.mkdir()
    (work / "anna.dvc").write_bytes((tmp_path / "anna.dvc").read_bytes())
    commands = [["init", "--no-scm"], ["remote", "add", "-d", "store", f"{remote}/local/corpora/anna"]]
    if remote.startswith("s3://"):
        commands.append(["remote", "modify", "store", "endpointurl", os.environ["AWS_ENDPOINT_URL_S3"]])
    for words in [*commands, ["pull"]]:
        ran = subprocess.run(
            [sys.executable, "-m", "dvc", *words], cwd=work, capture_output=True, text=True, timeout=120, check=False
        )
        assert ran.returncode == 0, ran.stderr
    assert content(work / "anna") == content(corpus)


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_object_is_named_and_the_output_stays_as_it_was(remote: str, tmp_path: Path, damage: str) -> None:
    corpus = write_corpus(tmp_path / "anna", {"a": "one"})
    record = push_corpus(corpus, remote, "anna", "first")
    place = _Place(remote, "anna", "local")
    keys = [item.key for item in place.storage.list(place.prefix)]
    sound = next(key for key in keys if place.storage.get(key) == b"sound of a")
    place.storage.delete(sound)
    if damage == "changed":
        place.storage.put(sound, b"sound of b")
    out = write_corpus(tmp_path / "out", {"old": "old"})
    before = content(out)
    with pytest.raises(CorpusRevisionDamaged, match=sound):
        pull_corpus(remote, "anna", record.revision, out)
    assert content(out) == before


def test_an_unknown_revision_lists_those_that_there_are(remote: str, tmp_path: Path) -> None:
    record = push_corpus(write_corpus(tmp_path / "anna", {"a": "one"}), remote, "anna", "first")
    for wanted in ("0000000", "ab", ""):
        with pytest.raises(CorpusRevisionUnknown, match=record.revision[:12]):
            pull_corpus(remote, "anna", wanted, tmp_path / "out")
    with pytest.raises(CorpusRevisionUnknown, match='no corpus "bert"'):
        corpus_log(remote, "bert")
    assert not (tmp_path / "out").exists()


def test_a_remote_folder_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageRootInvalid, match="absent is no folder"):
        corpus_log(str(tmp_path / "absent"), "anna")
    assert not (tmp_path / "absent").exists()


def test_two_pushes_of_one_name_at_once_are_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "anna", {"a": "one"})
    place = _Place(str(tmp_path / "store"), "anna", "local", may_be_new=True)
    with _one_push_at_a_time(place), pytest.raises(CorpusPushBusy, match="another push"):
        push_corpus(corpus, str(tmp_path / "store"), "anna", "second")


def test_wrong_credentials_and_a_server_that_is_down_are_told_apart(
    server: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write_corpus(tmp_path / "anna", {"a": "one"})
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    remote = f"s3://{server.new_bucket()}"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-key")
    with pytest.raises(StorageDenied) as caught:
        push_corpus(corpus, remote, "anna", "first")
    assert "wrong-secret-key" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StorageUnreachable):
        push_corpus(corpus, remote, "anna", "first")


def test_the_commands_print_data_to_stdout_and_progress_to_stderr(
    remote: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "anna", {"a": "one"})
    there = ["--remote", remote, "--name", "anna"]
    assert run(["corpus", "push", str(corpus), *there, "--message", "first", "--json"]) == 0
    said = capsys.readouterr()
    revision = json.loads(said.out)["revision"]
    assert "with DVC" in said.err
    assert run(["corpus", "log", *there]) == 0
    assert capsys.readouterr().out.startswith(revision[:12])
    assert run(["corpus", "diff", revision, revision, *there]) == 0
    assert capsys.readouterr().out == "accepted speech: 1.5 s before, 1.5 s after\n"
    assert run(["corpus", "pull", "ffff", *there, "--out", str(tmp_path / "out")]) == 2
    assert "CorpusRevisionUnknown" in capsys.readouterr().err
