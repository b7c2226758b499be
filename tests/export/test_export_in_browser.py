"""The article's WebAssembly: an exported student speaks in the npm package of ONNX Runtime, the same samples.

Node runs the WebAssembly that a browser runs. The package is installed once, by the lock file beside this, into the
folder where the other programs of the tests are kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from exported_voice import exported, some_phones
from tiny_voice import tiny_config  # pyright: ignore[reportMissingImports]

from clock_train.models.student import student_config
from clock_train.models.vocoder import VocoderRate
from clock_train.models.voice import VoiceConfig
from clock_train.serving.onnx_voice import OnnxVoice

BROWSER = Path(__file__).parent / "browser"
INSTALL_S, SPEAK_S = 240, 120


@pytest.fixture(scope="module")
def node_folder() -> Path:
    """The installed package, with the program beside it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: the graph is not tried in WebAssembly (apt install nodejs npm)")
    chosen = os.environ.get("CLOCKTRAIN_TEST_ASSETS")
    assets = Path(chosen) if chosen else Path.home() / ".cache" / "clock-train" / "test-assets"
    lock = (BROWSER / "package-lock.json").read_bytes()
    folder = assets / f"onnxruntime-web-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (folder / ".complete").exists():
        work = folder.with_name(f".{folder.name}-{os.getpid()}")
        shutil.copytree(BROWSER, work)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=work, check=True, timeout=INSTALL_S, capture_output=True,
        )  # fmt: skip
        (work / ".complete").touch()
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    shutil.copy(BROWSER / "speak.mjs", folder / "speak.mjs")
    return folder


@pytest.mark.ring2
@pytest.mark.parametrize(
    "config", [student_config(), tiny_config(rate=VocoderRate.FOUR_TIMES)], ids=["student", "four times"]
)
def test_an_exported_voice_speaks_the_same_in_webassembly(
    config: VoiceConfig, node_folder: Path, tmp_path: Path
) -> None:
    bundle, key = exported(tmp_path, config)
    voice = OnnxVoice.open(bundle, trusted_keys=[key])
    for phones, speed in ((40, 1.0), (7, 0.7)):
        ids, vector = some_phones(phones, seed=phones), voice.vectors_SE[1]
        noise = np.random.default_rng(5).standard_normal((20 * phones, voice.noise_channels), dtype=np.float32) / 2
        request = {
            "ids": tensor("int64", ids[None]),
            "speaker_embedding": tensor("float32", vector[None]),
            "labels": tensor("int64", np.array([[1, 2]])),
            "speed": tensor("float32", np.array([speed])),
            "noise": tensor("float32", noise[None]),
        }
        (tmp_path / "request.json").write_text(json.dumps(request))
        command = ["node", "speak.mjs", bundle / "model.onnx", tmp_path / "request.json", tmp_path / "spoken.f32"]
        done = subprocess.run(command, cwd=node_folder, capture_output=True, text=True, check=False, timeout=SPEAK_S)
        assert done.returncode == 0, done.stderr
        spoken = np.fromfile(tmp_path / "spoken.f32", dtype="<f4")
        ours = voice.speak(ids, vector, labels=(1, 2), speed=speed, noise_TC=noise)
        assert len(spoken) == len(ours) == json.loads(done.stdout)["samples"]
        assert np.abs(ours).max() > 0.01
        assert np.abs(spoken - ours).max() < 1e-3


def tensor(kind: str, values: np.ndarray) -> dict[str, object]:
    return {"type": kind, "dims": list(values.shape), "data": values.ravel().tolist()}
