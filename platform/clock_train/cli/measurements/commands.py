"""How long a person waits for ``clocktrain plan`` and for a ``dvc repro`` that has nothing to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clock_train.cli.measurements.isolation import answer, median
from clock_train.cli.measurements.synthetic import write_recordings

TIMEOUT_S = 120.0
CLONE = """\
apiVersion: clocktrain.dev/v1alpha1
kind: VoiceClone
metadata: {name: bench}
spec:
  runtimeRef: {name: bench}
  speakers: [{name: bench, corpus: {uri: corpus}}]
  preset: Demo
  compute: {acceleratorClassName: cpu}
---
apiVersion: clocktrain.dev/v1alpha1
kind: VoiceTrainingRuntime
metadata: {name: bench}
spec:
  images: {trainer: trainer}
  acceleratorClasses:
  - {name: cpu, resources: {cpu: "2", memory: 8Gi}, pricePerHour: "2.00"}
  currency: EUR
  storage: {endpointURL: "https://storage.example.org", bucket: clocktrain, secretName: storage}
"""
OUTPUTS = (
    "work/corpora/base", "work/corpora/voice", "work/pretrain/voice", "work/finetune/voice", "work/distill/voice",
    "work/bundle",
)  # fmt: skip
VOICE_BYTES = 20_000_000
"""Of the student's weights."""


def measure_commands(*, rounds: int, num_clips: int) -> dict[str, float]:
    """Wall time and CPU time of both, the median of several.

    Args:
        rounds: of each, in turn.
        num_clips: of the synthetic recordings that the plan counts and DVC looks through.
    """
    from clock_train.data.build import build_corpus
    from clock_train.orchestration.consents import keep_licence

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_recordings(folder / "recordings", num_clips)
        build_corpus(folder / "recordings", folder / "corpus", speaker="bench")
        keep_licence(folder / "corpus", licence="none", licence_uri="", attribution="generated sounds of nobody")
        (folder / "clone.yaml").write_text(CLONE, encoding="utf-8")
        start = "import sys; from clock_train.cli.main import run; sys.exit(run(sys.argv[1:]))"
        plan = [sys.executable, "-c", start, "plan", "-f", str(folder / "clone.yaml")]
        repro = _finished_pipeline(folder)
        times: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, command, place in (("plan", plan, folder), ("repro", repro, folder / "pipeline")):
                if command is not None:
                    wall_s, cpu_s = _seconds(command, place)
                    times.setdefault(f"{name}_seconds", []).append(wall_s)
                    times.setdefault(f"{name}_cpu_seconds", []).append(cpu_s)
    return {name: median(values) for name, values in times.items()}


def _finished_pipeline(folder: Path) -> list[str] | None:
    """The repository's pipeline with every stage done, and the command that finds so; none outside a checkout.

    The outputs are put there and not computed: DVC compares checksums, whoever made the files.
    """
    source, dvc = Path(__file__).parents[4] / "pipelines", Path(sys.executable).with_name("dvc")
    if not (source / "dvc.yaml").exists() or not dvc.exists():
        return None
    from clock_train.config.experiment import load_config, write_params

    here = folder / "pipeline"
    here.mkdir()
    for path in source.iterdir():
        if path.is_file():
            shutil.copy(path, here)
    for name in ("base", "voice"):
        shutil.copytree(folder / "recordings", here / "data" / name)
    for name in OUTPUTS:
        (here / name).mkdir(parents=True)
        (here / name / "weights.safetensors").write_bytes(os.urandom(VOICE_BYTES if "voice" in name else 1000))
    (here / "work" / "evaluate").mkdir()
    (here / "work" / "evaluate" / "metrics.json").write_text("{}", encoding="utf-8")
    for name in ("params.yaml", "params-base.yaml"):
        write_params(load_config("demo"), here / name)
    for words in (["init", "--no-scm", "-q"], ["commit", "--force", "-q"], ["repro", "-q"]):
        _seconds([str(dvc), *words], here)
    return [str(dvc), "repro"]


def _seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    began, before = time.perf_counter(), os.times()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    if "Running stage" in done.stdout:
        raise RuntimeError(f"{' '.join(command)} found something to do: {done.stdout.strip()}")
    after = os.times()
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    return time.perf_counter() - began, cpu_s


if __name__ == "__main__":
    answer(measure_commands)
