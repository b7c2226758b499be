"""The bucket keeps what the folder keeps, on a real MinIO, and every fault of server or network is a clear error."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from loopback_proxy import LoopbackProxy, s3_error
from minio_server import MinioServer

from clock_train.errors import (
    StorageDamaged,
    StorageDenied,
    StorageFull,
    StorageKeyInvalid,
    StorageNotFound,
    StorageRootInvalid,
    StorageUnreachable,
)
from clock_train.storage.folder import FolderStorage
from clock_train.storage.opening import Storage, open_storage
from clock_train.storage.s3 import S3Storage
from clock_train.storage.s3_requests import S3Limits

pytestmark = pytest.mark.ring2

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS = "local/runs/r1/attempt-1/checkpoints"
HASTY = S3Limits(connect_s=1, read_s=1, attempts=3, first_wait_s=0.05, longest_wait_s=0.1, operation_s=5)
LARGE_BYTES = 40_000_000
"""Three parts."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    with MinioServer(tmp_path_factory.mktemp("minio")) as running:
        yield running


@pytest.fixture
def bucket(server: MinioServer) -> S3Storage:
    return server.storage(server.new_bucket())


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, server: MinioServer) -> Storage:
    return FolderStorage(tmp_path / "store") if request.param == "folder" else server.storage(server.new_bucket())


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 20])
def test_what_is_put_is_got(storage: Storage, content: bytes) -> None:
    digest = storage.put("local/runs/一/log #1?.txt", content)
    assert storage.get("local/runs/一/log #1?.txt") == content
    assert storage.digest("local/runs/一/log #1?.txt") == digest


def test_a_second_put_replaces_the_object(storage: Storage) -> None:
    storage.put("local/a", b"old and longer")
    storage.put("local/a", b"new")
    assert storage.get("local/a") == b"new"


def test_a_listing_is_sorted_and_a_prefix_ends_at_a_slash(storage: Storage) -> None:
    for key in ("local/run-10/b", "local/run-1/z", "local/run-1/a/b", "other/x"):
        storage.put(key, key.encode())
    assert [item.key for item in storage.list("local/run-1")] == ["local/run-1/a/b", "local/run-1/z"]
    assert [(item.key, item.size_bytes) for item in storage.list("other/")] == [("other/x", 7)]
    assert len(storage.list("")) == 4
    assert storage.list("nothing/here") == []


def test_deleting_is_final_and_deleting_nothing_is_no_error(storage: Storage) -> None:
    storage.put("local/a", b"1")
    assert storage.exists("local/a")
    storage.delete("local/a")
    storage.delete("local/a")
    assert not storage.exists("local/a")


def test_deleting_a_prefix_leaves_its_neighbours(storage: Storage) -> None:
    for key in ("local/run-1/COMMITTED", "local/run-1/deep/b", "local/run-10/a"):
        storage.put(key, b"1")
    assert storage.delete_prefix("local/run-1") == 2
    assert [item.key for item in storage.list("")] == ["local/run-10/a"]
    with pytest.raises(StorageKeyInvalid, match="is empty"):
        storage.delete_prefix("")


def test_a_missing_object_is_named(storage: Storage, tmp_path: Path) -> None:
    for call in (storage.get, storage.digest, lambda key: storage.get_to_file(key, tmp_path / "copy")):
        with pytest.raises(StorageNotFound, match="local/none"):
            call("local/none")
    assert not (tmp_path / "copy").exists()
    with pytest.raises(StorageNotFound, match="to be stored as local/a"):
        storage.put("local/a", tmp_path / "absent")


def test_a_commit_is_read_back_and_the_newest_sound_one_wins(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w" * 2_000_000)
    for step in (9, 100, 20):
        record = storage.commit(
            f"{STEPS}/step-{step}", {"weights": tmp_path / "weights", "配置.yaml": b"a: 1\n"}, committed_at=NOON
        )
        assert storage.read_commit(f"{STEPS}/step-{step}") == record
    storage.put(f"{STEPS}/step-100/weights", b"other")
    storage.put(f"{STEPS}/step-300/weights", b"cut off before its marker")
    damaged = []
    newest = storage.newest_commit(STEPS, lambda prefix, error: damaged.append((prefix, error.code)))
    assert newest is not None and newest.step == 20
    assert damaged == [(f"{STEPS}/step-100", "StorageDamaged")]


def test_committing_again_replaces_the_files_and_leaves_no_old_one(storage: Storage) -> None:
    storage.commit(f"{STEPS}/step-1", {"a": b"1", "b": b"2"}, committed_at=NOON)
    storage.commit(f"{STEPS}/step-1", {"a": b"3"}, committed_at=NOON)
    assert set(storage.read_commit(f"{STEPS}/step-1").files) == {"a"}
    assert not storage.exists(f"{STEPS}/step-1/b")


def test_a_large_file_goes_up_in_parts_and_back(bucket: S3Storage, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(LARGE_BYTES))
    digest = bucket.put("local/large", tmp_path / "large")
    bucket.get_to_file("local/large", tmp_path / "deep" / "copy")
    assert (tmp_path / "deep" / "copy").read_bytes() == (tmp_path / "large").read_bytes()
    assert bucket.digest("local/large") == digest


def test_bytes_that_are_not_those_that_were_put_are_damage(
    bucket: S3Storage, server: MinioServer, tmp_path: Path
) -> None:
    stored = bucket.put("local/a", b"weights")
    forged: dict[str, str | list[str] | tuple[str]] = {"x-amz-meta-sha256": stored.sha256}
    source = tmp_path / "forged"
    source.write_bytes(b"weightz")
    server.client().fput_object(bucket.bucket, "local/a", str(source), metadata=forged)
    with pytest.raises(StorageDamaged, match=r"local/a .* has sha256"):
        bucket.get("local/a")
    with pytest.raises(StorageDamaged, match=r"local/a .* has sha256"):
        bucket.get_to_file("local/a", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert bucket.digest("local/a") != stored


def test_a_server_killed_in_a_multipart_upload_leaves_nothing_half_visible(tmp_path: Path) -> None:
    with MinioServer(tmp_path / "minio") as server:
        bucket = server.new_bucket()
        (tmp_path / "weights").write_bytes(os.urandom(LARGE_BYTES))
        files = {"weights": tmp_path / "weights"}
        server.storage(bucket).commit(f"{STEPS}/step-1", {"weights": b"before"}, committed_at=NOON)
        killed = []

        def kill_in_the_second_part(num_bytes: int) -> None:
            if num_bytes > LARGE_BYTES / 2 and not killed:
                killed.append(num_bytes)
                server.kill()

        with LoopbackProxy(server.port, on_bytes=kill_in_the_second_part) as proxy:
            cut_off = server.storage(bucket, endpoint=proxy.endpoint, limits=HASTY)
            with pytest.raises(StorageUnreachable):
                cut_off.commit(f"{STEPS}/step-2", files, committed_at=NOON)
        assert killed
        server.start()
        after = server.storage(bucket)
        assert not after.exists(f"{STEPS}/step-2/weights")
        newest = after.newest_commit(STEPS)
        assert newest is not None and newest.step == 1
        after.commit(f"{STEPS}/step-2", files, committed_at=NOON)
        newest = after.newest_commit(STEPS)
        assert newest is not None and newest.step == 2


def test_a_server_that_is_down_is_told_within_the_time_limit(server: MinioServer, tmp_path: Path) -> None:
    with LoopbackProxy(server.port) as proxy:
        endpoint = proxy.endpoint
    gone = server.storage("voices", endpoint=endpoint, limits=HASTY)
    started = time.monotonic()
    with pytest.raises(StorageUnreachable, match=r"cannot read s3://voices/local/a at http://127") as caught:
        gone.get("local/a")
    assert time.monotonic() - started < HASTY.operation_s + 2
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("action", ["get", "put", "list"])
def test_a_server_that_stalls_is_told_within_the_time_limit(
    bucket: S3Storage, server: MinioServer, action: str
) -> None:
    bucket.put("local/a", b"1")
    with LoopbackProxy(server.port) as proxy:
        slow = server.storage(bucket.bucket, endpoint=proxy.endpoint, limits=HASTY)
        assert slow.get("local/a") == b"1"
        proxy.stall()
        calls = {
            "get": lambda: slow.get("local/a"),
            "put": lambda: slow.put("local/b", bytes(5_000_000)),
            "list": lambda: slow.list(""),
        }
        started = time.monotonic()
        with pytest.raises(StorageUnreachable):
            calls[action]()
        # at most one block's limit after the operation's own; one second for a busy machine
        assert time.monotonic() - started < HASTY.operation_s + 5_000_000 / HASTY.slowest_bytes_per_s + 2


def test_two_failures_of_the_server_are_ridden_out(bucket: S3Storage, server: MinioServer) -> None:
    with LoopbackProxy(server.port) as proxy:
        proxy.answers = [s3_error(500, "InternalError"), s3_error(503, "SlowDown")]
        patient = server.storage(bucket.bucket, endpoint=proxy.endpoint, limits=HASTY)
        patient.put("local/a", b"1")
        assert proxy.num_connections == 3
    assert bucket.get("local/a") == b"1"


def test_a_server_that_keeps_failing_is_unreachable(server: MinioServer) -> None:
    with LoopbackProxy(server.port) as proxy:
        proxy.answers = [s3_error(500, "InternalError")] * 20
        failing = server.storage("voices", endpoint=proxy.endpoint, limits=HASTY)
        with pytest.raises(StorageUnreachable, match=r"InternalError \(HTTP 500\)"):
            failing.put("local/a", b"1")
        assert proxy.num_connections == HASTY.attempts


def test_the_answer_of_a_full_server_is_storage_full_at_once(server: MinioServer) -> None:
    # the proxy speaks MinIO's own words for a full disk: filling a real one would need a file system of its own
    with LoopbackProxy(server.port) as proxy:
        proxy.answers = [s3_error(507, "XMinioStorageFull")] * 20
        full = server.storage("voices", endpoint=proxy.endpoint, limits=HASTY)
        with pytest.raises(StorageFull, match=r"XMinioStorageFull.*Free some room"):
            full.put("local/a", b"1")
        assert proxy.num_connections == 1


def test_wrong_credentials_are_denied_and_never_repeated(
    bucket: S3Storage, server: MinioServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = [repr(bucket)]
    unknown = {"access_key": "wrong-access-key", "secret_key": "wrong-secret-key"}
    for changes in (unknown, {"secret_key": "wrong-secret-key"}):
        denied = server.storage(bucket.bucket, **changes)
        for call in (denied.get, denied.exists, denied.delete, denied.list, lambda key, to=denied: to.put(key, b"1")):
            with pytest.raises(StorageDenied, match="AWS_ACCESS_KEY_ID") as caught:
                call("local/a")
            said += [str(caught.value), str(caught.value.__cause__), repr(denied)]
    everything = "\n".join([*said, caplog.text])
    for secret in (server.access_key, server.secret_key, "wrong-access-key", "wrong-secret-key"):
        assert secret not in everything


def test_a_bucket_that_is_not_there_is_named(server: MinioServer) -> None:
    absent = server.storage("no-such-bucket")
    for call in (absent.get, absent.list, lambda key: absent.put(key, b"1")):
        with pytest.raises(StorageRootInvalid, match=r"s3://no-such-bucket/.*Create it"):
            call("local/a")


def test_a_uri_opens_the_store_it_names(
    server: MinioServer, bucket: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    for place in (f"s3://{bucket.bucket}", tmp_path / "a", str(tmp_path / "a"), f"file://{tmp_path}/a"):
        open_storage(place).put("local/a", b"1")
    assert bucket.get("local/a") == (tmp_path / "a" / "local" / "a").read_bytes() == b"1"


@pytest.mark.parametrize("place", ["ftp://host/a", "s3://", "s3://voices/deep", "s3://Voices_", "file://host/a"])
def test_a_uri_that_names_no_store_is_refused(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    with pytest.raises(StorageRootInvalid, match="Give"):
        open_storage(place)


def test_missing_credentials_and_a_password_in_the_endpoint_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StorageDenied, match="Set AWS_ACCESS_KEY_ID"):
        S3Storage("voices", endpoint="http://127.0.0.1:1")
    with pytest.raises(StorageRootInvalid) as caught:
        S3Storage("voices", endpoint="http://anna:hunter2@127.0.0.1:1", access_key="a", secret_key="b")
    assert "hunter2" not in str(caught.value)


def test_erasing_takes_the_object_and_only_it(storage: Storage) -> None:
    for key in ("local/runs/a", "local/runs/ab", "local/runs/b/c"):
        storage.put(key, key.encode())
    storage.erase("local/runs/a")
    storage.erase("local/runs/a")  # nothing is no error
    storage.erase("local/runs/b/c")
    assert [item.key for item in storage.history("local")] == ["local/runs/ab"]


def test_erasing_takes_every_version_and_delete_marker_of_a_key(server: MinioServer) -> None:
    from minio.commonconfig import ENABLED
    from minio.versioningconfig import VersioningConfig

    name = server.new_bucket()
    client = server.client()
    client.set_bucket_versioning(name, VersioningConfig(ENABLED))
    storage = server.storage(name)
    for content in (b"first", b"second"):
        storage.put("local/a", content)
    storage.put("local/ab", b"another's")
    storage.delete("local/a")  # a delete marker over two versions
    assert [item.key for item in storage.list("local")] == ["local/ab"]
    assert [(item.key, item.size_bytes) for item in storage.history("local")] == [("local/a", 11), ("local/ab", 9)]
    storage.erase("local/a")
    left = list(client.list_objects(name, recursive=True, include_version=True))
    assert [item.object_name for item in left] == ["local/ab"]
    assert [item.key for item in storage.history("")] == ["local/ab"]
