"""A bundle that is not whole, not signed, or not for this version is refused, each with a code of its own."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("export", "models")]

from exported_voice import exported, saved_voice, signer_of  # noqa: E402  # pyright: ignore[reportMissingImports]
from spoiled_bundle import changed, flip, replaced, sign_again  # noqa: E402  # pyright: ignore[reportMissingImports]
from tiny_voice import tiny_config  # noqa: E402  # pyright: ignore[reportMissingImports]

from clock_train.audit.signing import open_signer  # noqa: E402
from clock_train.bundle.inspecting import inspect_bundle  # noqa: E402
from clock_train.bundle.opening import open_bundle, verify_bundle  # noqa: E402
from clock_train.cli.main import run  # noqa: E402
from clock_train.errors import (  # noqa: E402
    BundleDamaged,
    BundleFileMissing,
    BundleInventoryForeign,
    BundleSchemaUnsupported,
    BundleSignerUnknown,
    BundleUnsigned,
    BundleUnwritable,
    ClockTrainError,
    ConfigValueInvalid,
    VoiceNotFound,
)
from clock_train.export.bundle_writing import write_bundle  # noqa: E402
from clock_train.issuing.installation import FOLDER_VARIABLE, Installation  # noqa: E402
from clock_train.models.voice_files import load_voice  # noqa: E402
from clock_train.serving.onnx_voice import OnnxVoice  # noqa: E402


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return exported(tmp_path_factory.mktemp("whole"), tiny_config())


@pytest.fixture
def bundle(whole: tuple[Path, str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole[0], tmp_path / "bundle"))


FAULTS: dict[str, tuple[Callable[[Path], object], type[ClockTrainError], str]] = {
    "graph changed": (lambda b: flip(b / "decoder.onnx"), BundleDamaged, "decoder.onnx of the voice .* sha256 differs"),
    "whole graph changed": (lambda b: flip(b / "model.onnx"), BundleDamaged, "model.onnx of the voice"),
    "vectors changed": (lambda b: flip(b / "speakers.npy"), BundleDamaged, "speakers.npy of the voice"),
    "card changed": (lambda b: flip(b / "voice.json"), BundleDamaged, "is not the one that .* signed"),
    "signature changed": (lambda b: flip(b / "signature"), BundleDamaged, "signature|signed"),
    "signature is no JSON": (lambda b: (b / "signature").write_text("[]"), BundleDamaged, "signature of"),
    "unsigned": (lambda b: (b / "signature").unlink(), BundleUnsigned, "is not signed"),
    "signed by another": (lambda b: sign_again(b, "another.key"), BundleSignerUnknown, "which is not trusted here"),
    "file missing": (lambda b: (b / "text.onnx").unlink(), BundleFileMissing, "lacks text.onnx"),
    "no card": (lambda b: (b / "voice.json").unlink(), VoiceNotFound, "holds no voice.json"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_own_refusal(fault: str, bundle: Path, whole: tuple[Path, str]) -> None:
    harm, kind, words = FAULTS[fault]
    verify_bundle(bundle, trusted_keys=[whole[1]])
    harm(bundle)
    with pytest.raises(kind, match=words):
        verify_bundle(bundle, trusted_keys=[whole[1]])


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "whole graph changed"])
def test_a_faulty_bundle_makes_no_voice(fault: str, bundle: Path, whole: tuple[Path, str]) -> None:
    harm, kind, _ = FAULTS[fault]
    harm(bundle)
    with pytest.raises(kind):
        OnnxVoice.open(bundle, trusted_keys=[whole[1]])


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"schemaVersion": 2}, BundleSchemaUnsupported, "has schema version 2, this clock-train reads 1"),
        ({"phoneInventoryId": "0123"}, BundleInventoryForeign, "reads phone inventory 0123"),
        ({"files": {"../outside": "0"}}, BundleDamaged, "no plain name"),
        ({"files": {}}, BundleDamaged, "speakers.npy"),
        ({"files": {"speakers.npy": "0", "gone.bin": "0"}}, BundleDamaged, "speakers.npy"),
    ],
)
def test_a_signed_card_is_still_read_with_care(
    changes: dict[str, object], kind: type[ClockTrainError], words: str, bundle: Path
) -> None:
    key = open_signer(bundle.parent / "signing.key").public_key
    changed(bundle, **changes)
    with pytest.raises(kind, match=words):
        verify_bundle(bundle, trusted_keys=[key])


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no graph": (lambda b: replaced(b, "decoder.onnx", b"none"), r"is signed, but decoder\.onnx cannot be loaded"),
    "no vectors": (lambda b: replaced(b, "speakers.npy", b"none"), r"speakers\.npy cannot be read"),
    "a vector too few": (
        lambda b: replaced(b, "speakers.npy", npy(np.zeros((1, 16)))),
        r"speakers\.npy has shape \(1, 16\) for 2 speakers",
    ),
    "no facts": (lambda b: changed(b, graphs={}), "does not say how its graphs run"),
    "another decoder": (lambda b: changed(b, graphs={**GRAPHS, "decoder": "../x"}), r"lists no \.\./x"),
}
GRAPHS = {"hopSamples": 256, "noiseChannels": 8, "contextFrames": 9}


def npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


@pytest.mark.parametrize("fault", UNUSABLE)
def test_what_is_signed_and_cannot_be_used_is_refused(fault: str, bundle: Path) -> None:
    key = open_signer(bundle.parent / "signing.key").public_key
    harm, words = UNUSABLE[fault]
    harm(bundle)
    with pytest.raises((BundleDamaged, BundleFileMissing), match=words):
        OnnxVoice.open(bundle, trusted_keys=[key])


def test_a_bundle_of_an_untrusted_key_opens_once_the_key_is_trusted(
    bundle: Path, whole: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "issuing"))
    with pytest.raises(BundleSignerUnknown, match=r"add it to trusted-keys of the installation"):
        OnnxVoice.open(bundle)
    Installation().trusted_path.write_text(f"# the training cluster\n{whole[1]}  # until 2027\n")
    assert OnnxVoice.open(bundle).card.speakers == ["anna", "ben"]
    Installation().trusted_path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigValueInvalid, match="give one public key a line"):
        OnnxVoice.open(bundle)


def test_the_card_says_what_a_server_must_know(bundle: Path, whole: tuple[Path, str]) -> None:
    values = open_bundle(bundle, trusted_keys=[whole[1]]).values
    assert values["kind"] == "voice" and values["sampleRate"] == 16_000 and values["watermarkKeyId"] == "k1"
    assert values["graphs"]["opset"] == 17 and values["graphs"]["noiseChannels"] == 8
    assert values["metrics"] == {"similarity": 0.8} and values["consentIds"] == ["c1"]
    assert values["parameterCounts"]["synthesis"] < values["parameterCounts"]["training"]
    assert set(values["files"]) == {"speakers.npy", "model.onnx", "text.onnx", "decoder.onnx", "MODEL_CARD.md"}


def test_a_voice_bundle_has_no_weights_to_train_from_and_a_base_has(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleFileMissing, match="has no weights to train from"):
        load_voice(bundle)
    base, key = exported(tmp_path / "base", tiny_config(), kind="base")
    kept, trained = load_voice(base), load_voice(tmp_path / "base" / "voice")
    assert kept.card.kind == "base" and kept.model.config == trained.model.config
    assert all(torch.equal(a, b) for a, b in zip(kept.model.parameters(), trained.model.parameters(), strict=True))
    assert np.array_equal(load_voice(base).vectors_SE, OnnxVoice.open(base, trusted_keys=[key]).vectors_SE)


def test_a_bundle_is_written_over_a_bundle_and_over_nothing_else(tmp_path: Path) -> None:
    voice = saved_voice(tmp_path, tiny_config())
    signer, out = signer_of(tmp_path), tmp_path / "out"
    first = write_bundle(voice, out, signer=signer)
    assert write_bundle(voice, out, signer=signer) == first, "the same voice gives the same bundle"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(BundleUnwritable, match="holds something that is no bundle"):
        write_bundle(voice, tmp_path / "mine", signer=signer)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_full_disk_leaves_the_older_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = saved_voice(tmp_path, tiny_config())
    signer, out = signer_of(tmp_path), tmp_path / "out"
    write_bundle(voice, out, signer=signer)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(BundleUnwritable, match="No space left on device"):
        write_bundle(voice, out, signer=signer)
    verify_bundle(out, trusted_keys=[signer.public_key])
    assert not [item for item in tmp_path.iterdir() if item.name.startswith(".out")]


def test_the_commands_export_inspect_and_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "issuing"))
    voice, out = saved_voice(tmp_path, tiny_config()), tmp_path / "out"
    assert run(["bundle", "export", str(voice), "--out", str(out), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert run(["bundle", "verify", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == made["digest"]
    assert run(["bundle", "verify", str(out), "--key", made["signer"]]) == 0
    assert "duo is whole: 5 files fit, signed by" in capsys.readouterr().out
    other = open_signer(tmp_path / "another.key").public_key
    assert run(["bundle", "verify", str(out), "--key", other]) == 2
    assert "BundleSignerUnknown" in capsys.readouterr().err
    assert run(["bundle", "inspect", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "anna, ben" in shown and "whole, signed by" in shown
    flip(out / "text.onnx")
    assert run(["bundle", "inspect", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"].startswith("BundleDamaged: text.onnx of the voice")


def test_an_unsigned_bundle_can_be_looked_into(bundle: Path) -> None:
    (bundle / "signature").unlink()
    (bundle / "text.onnx").unlink()
    found = inspect_bundle(bundle, trusted_keys=[])
    assert found["verdict"].startswith("BundleUnsigned") and found["bytes"]["text.onnx"] == "missing"
