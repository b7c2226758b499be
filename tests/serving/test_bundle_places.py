"""Voices of a server by where they lie: folders, and bundles that a job committed to a real bucket."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from served_voices import bundles_of, installation_trusting  # pyright: ignore[reportMissingImports]

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))
from minio_server import MinioServer  # pyright: ignore[reportMissingImports]

from clock_train.api.bundle_places import bundles_at
from clock_train.bundle.card import CARD
from clock_train.bundle.opening import SIGNATURE, open_bundle
from clock_train.errors import StorageDamaged, VoiceNotFound
from clock_train.serving.voice_catalogue import catalogue_of
from clock_train.storage.places import bundle_prefix
from clock_train.storage.stored_folders import keep_folder

pytestmark = pytest.mark.ring2
PREFIX = bundle_prefix("voices", "d1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    with MinioServer(tmp_path_factory.mktemp("minio")) as running:
        yield running


@pytest.fixture
def bucket(server: MinioServer, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server.new_bucket()


def test_a_bundle_that_a_job_committed_is_served(server: MinioServer, bucket: str, tmp_path: Path) -> None:
    bundles, key = bundles_of(tmp_path)
    keep_folder(server.storage(bucket), PREFIX, bundles["duo-v1"])
    (folder,) = bundles_at(f"s3://{bucket}/{PREFIX}", tmp_path / "fetched")
    trusted = installation_trusting(tmp_path / "issuing", key).trusted_keys()
    catalogue, refused = catalogue_of([folder], lambda folder: open_bundle(folder, trusted_keys=trusted))
    assert ([voice.label for voice in catalogue.voices], refused) == (["duo@1"], [])


def test_a_gateway_fetches_the_signed_card_alone(server: MinioServer, bucket: str, tmp_path: Path) -> None:
    bundles, key = bundles_of(tmp_path)
    keep_folder(server.storage(bucket), PREFIX, bundles["duo-v1"])
    (folder,) = bundles_at(f"s3://{bucket}/{PREFIX}", tmp_path / "fetched", only=(CARD, SIGNATURE))
    assert {path.name for path in folder.iterdir()} == {CARD, SIGNATURE}
    assert open_bundle(folder, trusted_keys=[key]).card.name == "duo"


def test_what_is_no_committed_bundle_is_named(server: MinioServer, bucket: str, tmp_path: Path) -> None:
    storage, place = server.storage(bucket), f"s3://{bucket}/{PREFIX}"
    with pytest.raises(VoiceNotFound, match=r"no bundle was committed at .*status.voice.bundleURI"):
        bundles_at(place, tmp_path / "fetched")
    storage.commit(PREFIX, {"weights.bin": b"1"}, committed_at=datetime.now(UTC))
    with pytest.raises(VoiceNotFound, match=r"is no bundle: it has no voice.json"):
        bundles_at(place, tmp_path / "fetched")
    storage.put(f"{PREFIX}/weights.bin", b"2")
    with pytest.raises(StorageDamaged, match=r"weights.bin"):
        bundles_at(place, tmp_path / "fetched by another")


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    bundles, _ = bundles_of(tmp_path)
    assert bundles_at(str(bundles["duo-v1"]), tmp_path / "fetched") == [bundles["duo-v1"]]
    with pytest.raises(VoiceNotFound, match=r"there is no bundle in"):
        bundles_at(str(tmp_path / "nowhere"), tmp_path / "fetched")
