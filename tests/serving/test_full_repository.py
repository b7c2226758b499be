"""No room while voices are written where Triton loads them from."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from front_process import command, environment, front  # pyright: ignore[reportMissingImports]
from served_voices import bundles_of, gather, installation_trusting  # pyright: ignore[reportMissingImports]
from spoiled_bundle import changed, replaced  # pyright: ignore[reportMissingImports]

from clock_train.errors import ModelRepositoryUnwritable
from clock_train.serving.model_repository import write_model
from clock_train.serving.triton_install import find_triton
from clock_train.serving.voice_catalogue import bundle_folders, catalogue_of

pytestmark = pytest.mark.ring2
ROOM_MB, TOO_MUCH_MB = 32, 48
"""Two tiny voices and Triton's own files take about 4 MB."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Voices anna, big and duo, in this order."""
    folder = tmp_path_factory.mktemp("full")
    bundles, key = bundles_of(folder, "anna")
    installation_trusting(folder / "issuing", key)
    big = folder / "big"
    shutil.copytree(bundles["anna-v1"], big)
    changed(big, name="big")
    replaced(big, "extra.bin", bytes(TOO_MUCH_MB << 20))
    shutil.move(big, folder / "voices" / "big")
    gather(folder / "voices", bundles)
    return folder


def test_a_voice_without_room_is_refused_whole_and_the_others_are_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfile

    def copied(source: Path, target: Path) -> None:
        if source.name == "extra.bin":
            target.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copy(source, target)

    def linked(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", linked)  # the voices lie on another disk
    monkeypatch.setattr(shutil, "copyfile", copied)
    key = (folder / "issuing" / "trusted-keys").read_text().strip()
    catalogue, refused = catalogue_of(
        bundle_folders(folder / "voices"), lambda bundle: write_model(tmp_path / "models", bundle, trusted_keys=[key])
    )
    assert [voice.label for voice in catalogue.voices] == ["anna@1", "duo@1"]
    assert [type(error) for error in refused] == [ModelRepositoryUnwritable]
    assert "(No space left on device); free some room" in str(refused[0])
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["anna-v1", "duo-v1"]


def small_disk(place: Path, size_kb: int) -> list[str] | None:
    """Runs the command that follows with a small disk at ``place``; None where this account may mount nothing."""
    mount = f'mount -t tmpfs -o size={size_kb}k none "{place}" && exec "$@"'
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        within = [*words, "sh", "-c", mount, "sh"]
        if (
            shutil.which("unshare")
            and not subprocess.run([*within, "true"], capture_output=True, check=False).returncode
        ):
            return within
    return None


needs_mount = pytest.mark.skipif(small_disk(Path("/mnt"), 64) is None, reason="this account may mount nothing")


@needs_mount
def test_a_server_whose_disk_fills_says_so_and_serves_what_had_room(folder: Path, tmp_path: Path) -> None:
    within = small_disk(tmp_path, ROOM_MB << 10)
    assert within is not None
    with front(folder / "voices", folder / "issuing", within=within, TMPDIR=str(tmp_path)) as served:
        log = served.log_path.read_text(encoding="utf-8")
        assert "not served: ModelRepositoryUnwritable: the voice cannot be written to" in log
        (repository,) = Path(f"/proc/{served.process.pid}/root{tmp_path}").glob("clocktrain-triton-*/repository")
        assert sorted(path.name for path in repository.iterdir()) == ["anna-v1", "duo-v1"]
        for voice, status in (("anna", 200), ("duo", 200), ("big", 404)):
            body = {"input": "Good morning.", "voice": voice}
            assert httpx.post(f"{served.http}/v1/audio/speech", json=body, timeout=60).status_code == status


@needs_mount
def test_a_server_without_room_for_triton_says_so(folder: Path, tmp_path: Path) -> None:
    voice = folder / "voices" / "anna-v1"
    stub_bytes = find_triton().stub.stat().st_size
    room_bytes = sum(path.stat().st_size for path in voice.iterdir()) + stub_bytes // 2
    within = small_disk(tmp_path, room_bytes >> 10)
    assert within is not None
    done = subprocess.run(
        [*within, *command(voice)], env=environment(folder / "issuing") | {"TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f'ServerStartFailed: tritonserver cannot be started: its files in "{tmp_path}/'), last
    assert "(No space left on device); free some room there" in last
