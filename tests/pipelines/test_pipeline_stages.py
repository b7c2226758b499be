"""``dvc repro`` runs every stage on a tiny corpus, and a second one runs none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "orchestration"))

from small_voice import write_corpus  # noqa: E402  # pyright: ignore[reportMissingImports]

from clock_train.bundle.opening import verify_bundle  # noqa: E402
from clock_train.config.experiment import load_config, write_params  # noqa: E402
from clock_train.errors import CorpusNotFound, VoiceNotFound  # noqa: E402
from clock_train.issuing.installation import Installation  # noqa: E402
from clock_train.orchestration.pipeline_stages import evaluate_voice, export_voice, prepare_corpus  # noqa: E402

TINY = {
    "model": {
        "latent_channels": 8,
        "condition_channels": 12,
        "text_encoder": {"channels": 16, "layers": 1, "heads": 1, "feed_forward": 24},
        "duration": {"channels": 16},
        "prior": {"channels": 16, "layers": 1},
        "flow": {"channels": 16, "couplings": 1, "layers": 1},
        "posterior": {"channels": 16, "layers": 1},
        "vocoder": {"channels": 16, "layers": 2},
    },
    "training.batch_size": 4,
    "training.max_steps": 8,
    "training.checkpoint_every": 4,
    "training.loss": {"crop_frames": 16, "window_frames": 32},
    "training.schedule.hearing_steps": 4,
    "distillation.student": {
        "latent_channels": 4,
        "condition_channels": 12,
        "text_encoder": {"channels": 8, "layers": 1, "heads": 1, "feed_forward": 8},
        "duration": {"channels": 8},
        "prior": {"channels": 8, "layers": 1},
        "flow": {"channels": 8, "couplings": 1, "layers": 1},
        "posterior": {"channels": 8, "layers": 1},
        "vocoder": {"channels": 8, "layers": 1},
    },
    "distillation.training.batch_size": 4,
    "distillation.training.max_steps": 4,
    "distillation.sentences": 8,
    "compute": "cpu",
}


@pytest.mark.ring2
def test_repro_runs_every_stage_once(tmp_path: Path) -> None:
    dvc = Path(sys.executable).with_name("dvc")
    if not dvc.exists():
        pytest.skip("dvc is not installed beside this Python")
    for path in (ROOT / "pipelines").iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    write_corpus(tmp_path / "data" / "base")
    write_corpus(tmp_path / "data" / "voice", speaker="ben", pitch_hz=180.0)
    for name in ("params.yaml", "params-base.yaml"):
        write_params(load_config("demo", TINY), tmp_path / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "platform"), "DVC_NO_ANALYTICS": "1"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [dvc, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=280
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("init", "--no-scm", "-q")
    first = run("repro")
    stages = ("prepare", "pretrain", "finetune", "distill", "evaluate", "export")
    assert all(f"Running stage '{stage}'" in first for stage in stages)
    card = json.loads((tmp_path / "work/distill/voice/voice.json").read_text())
    assert card["training"]["teacher"] == "ben"
    assert card["training"]["teacherParameters"] > card["parameterCounts"]["synthesis"]
    metrics = json.loads((tmp_path / "work/evaluate/metrics.json").read_text())
    bundle = verify_bundle(tmp_path / "work/bundle", trusted_keys=Installation().trusted_keys())
    assert metrics and bundle.values["metrics"] == metrics
    assert bundle.values["parameterCounts"] == card["parameterCounts"], "the student is exported"
    second = run("repro")
    assert "Running stage" not in second
    assert "up to date" in second


def test_a_stage_without_its_input_says_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFound, match="put recordings with their texts, or a corpus, there"):
        prepare_corpus(tmp_path / "none", tmp_path / "out")
    for stage in (evaluate_voice, export_voice):
        with pytest.raises(VoiceNotFound):
            stage(tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()
