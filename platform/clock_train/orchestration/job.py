"""The stages of one VoiceClone, on a laptop and in a pod alike, safe to run twice.

    python -m clock_train.orchestration.job --spec voiceclone.yaml --out FOLDER

Each stage leaves its result in the output folder and is written down in ``stages.json`` under the version's digest, so
that a second start goes on where the first one was cut off. Exit codes: 2 the user's to mend, 3 capacity was lost and a
retry helps, 70 a bug.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

from clock_train.config.experiment import ExperimentConfig, load_config, write_params
from clock_train.crd.reading import read_manifest
from clock_train.crd.v1alpha1 import Speaker, VoiceClone
from clock_train.crd.version import version_digest
from clock_train.data.build import build_corpus
from clock_train.data.manifest import MANIFEST_NAME
from clock_train.errors import ClockTrainError, CorpusNotFound, ManifestInvalid
from clock_train.orchestration.corpus_versions import corpus_log, pull_corpus
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.manifest_mapping import experiment_of
from clock_train.orchestration.pipeline_stages import distill_voice, evaluate_voice, export_voice, training_request
from clock_train.orchestration.progress import ProgressStyle, listening
from clock_train.orchestration.run_tracking import RunTracking
from clock_train.orchestration.stage_ledger import LEDGER_NAME, FolderLedger
from clock_train.orchestration.training_session import TrainOutcome, train
from clock_train.tracking.target import local_target

BUG = 70


@dataclass
class JobOutcome:
    """What a job left."""

    clone: str
    digest: str
    done: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    bundle: Path | None = None
    metrics: dict[str, float] = field(default_factory=dict)


def run_clone(spec_path: Path, out: Path, listener: Listener) -> JobOutcome:
    """Every stage that is left to do.

    Args:
        spec_path: a file with one VoiceClone; corpora that it names by a relative path lie beside it.
        out: folder of this clone, kept between starts.
        listener: hears stages and progress.

    Raises:
        ClockTrainError: what a manifest, recordings, the machine or a worker can cause.
    """
    clone = read_manifest(spec_path)
    outcome = JobOutcome(clone.metadata.name, version_digest(clone.spec))
    out.mkdir(parents=True, exist_ok=True)
    config = _for_this_machine(load_config(*experiment_of(clone.spec)), clone, listener)
    write_params(config, out / "params.yaml")
    ledger = _Ledger(out, outcome, listener)
    corpora = [out / "corpora" / speaker.name for speaker in clone.spec.speakers]
    ledger.run("Prepare", lambda: _prepare(clone, spec_path.parent, corpora, listener))
    tracking = RunTracking(out, local_target(out), warn=listener.warn)
    kind = "voice" if len(corpora) == 1 else "base"
    ledger.run(
        "Finetune" if clone.spec.base else "Pretrain",
        lambda: _train(clone, config, corpora, out, kind, listener, tracking),
    )
    voice = out / "voice"
    if clone.spec.distillation is not None and clone.spec.distillation.policy == "Always":
        ledger.run("Distill", lambda: distill_voice(voice, out / "distill"))
        listener.warn("no student is distilled yet: the voice goes on as it was trained")
    ledger.run("Evaluate", lambda: evaluate_voice(voice, out / "evaluation"))
    ledger.run("Export", lambda: export_voice(voice, out / "bundle"))
    outcome.metrics = json.loads((out / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    outcome.bundle = out / "bundle"
    tracking.evaluated(outcome.metrics, {"evaluation": out / "evaluation"})
    tracking.finish()
    return outcome


class _Ledger:
    """Runs a stage once a version, and writes down that it was."""

    def __init__(self, out: Path, outcome: JobOutcome, listener: Listener) -> None:
        self._out, self._outcome, self._listener = out, outcome, listener

    def run(self, stage: str, work: Callable[[], object]) -> None:
        finished = FolderLedger(self._out).finished()
        known = finished.get(stage)
        if known is not None and known.digest == self._outcome.digest:
            self._listener.note(f"{stage}: finished {known.finished_at}, reused")
            self._outcome.reused.append(stage)
            return
        self._listener.stage(stage.lower())
        work()
        self._outcome.done.append(stage)
        kept = {name: {"digest": each.digest, "finishedAt": each.finished_at} for name, each in finished.items()}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        kept[stage] = {"digest": self._outcome.digest, "finishedAt": now}
        partial = self._out / f"{LEDGER_NAME}.partial"
        partial.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        partial.replace(self._out / LEDGER_NAME)


def _for_this_machine(config: ExperimentConfig, clone: VoiceClone, listener: Listener) -> ExperimentConfig:
    """The same experiment on the CPU where the class that was asked for is not here; said, never silent."""
    if not config.compute.device.startswith("cuda") or torch.cuda.is_available():
        return config
    asked = clone.spec.compute.accelerator_class_name if clone.spec.compute else config.compute.device
    listener.warn(f'"{asked}" is not on this machine: training on its CPU, which takes many times as long')
    experiment, overrides = experiment_of(clone.spec)
    workers = min(config.compute.workers, os.cpu_count() or 1)
    changed = {"compute": "cpu", "compute.workers": workers, "compute.min_workers": min(1, workers) or None}
    return load_config(experiment, {**overrides, **changed})


def _prepare(clone: VoiceClone, beside: Path, corpora: list[Path], listener: Listener) -> None:
    for speaker, corpus in zip(clone.spec.speakers, corpora, strict=True):
        if (corpus / MANIFEST_NAME).exists():
            listener.note(f"{speaker.name}: the corpus is here already")
            continue
        _bring(speaker, beside, corpus, listener)


def _bring(speaker: Speaker, beside: Path, corpus: Path, listener: Listener) -> None:
    """A revision from a DVC remote, a corpus folder, or recordings that become one."""
    uri, revision = speaker.corpus.uri, speaker.corpus.revision
    if "/corpora/" in uri:
        remote, _, name = uri.rpartition("/corpora/")
        remote, _, namespace = remote.rpartition("/")
        remote = _place(remote, beside) if not remote.startswith("s3://") else remote
        newest = revision or corpus_log(remote, name, namespace=namespace)[0].revision
        pull_corpus(remote, name, newest, corpus, namespace=namespace, report=listener.note)
        return
    source = Path(_place(uri, beside))
    if not source.exists():
        raise CorpusNotFound(f'there is no "{source}" (spec.speakers, {speaker.name}); name a corpus or recordings')
    if revision is not None:
        raise ManifestInvalid(
            f"spec.speakers ({speaker.name}): a plain folder has no revision {revision}; push it with "
            '"clocktrain corpus push", and name its address as .../NAMESPACE/corpora/NAME'
        )
    if (source / MANIFEST_NAME).exists():
        corpus.parent.mkdir(parents=True, exist_ok=True)
        corpus.symlink_to(source.absolute(), target_is_directory=True)
        return
    build_corpus(
        source,
        corpus,
        speaker=speaker.name,
        report=lambda done, total, what: listener.advance(done / max(1, total), what),
    )


def _place(uri: str, beside: Path) -> str:
    path = Path(uri.removeprefix("file://"))
    return str(path if path.is_absolute() else beside / path)


def _train(
    clone: VoiceClone,
    config: ExperimentConfig,
    corpora: list[Path],
    out: Path,
    kind: str,
    listener: Listener,
    tracking: RunTracking,
) -> TrainOutcome:
    base = clone.spec.base
    if base is not None and base.bundle_uri is None:
        raise ManifestInvalid(
            "spec.base.cloneRef names a clone of a cluster; on this machine give spec.base.bundleURI, a base's folder"
        )
    request = training_request(
        config,
        corpora,
        out,
        kind=kind,
        base=Path(str(base.bundle_uri).removeprefix("file://")) if base is not None else None,
        name=clone.metadata.name,
        fork=True,
    )
    return train(request, listener, tracking)


def main() -> int:
    """One start of the job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    try:
        with listening(ProgressStyle.LINES) as listener:
            outcome = run_clone(asked.spec, asked.out or Path(read_manifest(asked.spec).metadata.name), listener)
    except ClockTrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception as error:
        print(f"Internal error ({type(error).__name__}: {error})", file=sys.stderr)
        return BUG
    print(json.dumps({"clone": outcome.clone, "digest": outcome.digest, "metrics": outcome.metrics}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
