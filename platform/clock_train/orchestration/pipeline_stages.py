"""The stages of ``pipelines/dvc.yaml`` as functions of folders; each writes its output folder and nothing else.

Two stages are thin for now and say so in what they write: `distill` trains no student, `export` writes no ONNX.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from clock_train.config.experiment import ExperimentConfig, read_params
from clock_train.consent.record import CONSENT_NAME
from clock_train.data.build import build_corpus
from clock_train.data.manifest import MANIFEST_NAME
from clock_train.data.packing import load_packed
from clock_train.data.replacing import put_in_place, workplace
from clock_train.errors import CorpusNotFound, ExportError, VoiceNotFound
from clock_train.evaluation.report import evaluate
from clock_train.models.speech import Voice
from clock_train.models.voice_files import load_voice
from clock_train.orchestration.held_out import hold_out
from clock_train.orchestration.presets import preset_of
from clock_train.orchestration.progress import ProgressStyle, listening
from clock_train.orchestration.training_session import TrainRequest, train
from clock_train.storage.places import RunPlace

BUNDLE_NAME = "bundle.json"


def prepare_corpus(source: Path, out: Path, *, speaker: str | None = None) -> None:
    """Recordings, or a corpus that was built before, as a corpus folder.

    Raises:
        CorpusError: one of its leaves, for what recordings can be.
    """
    if not source.is_dir():
        raise CorpusNotFound(f'there is no "{source}"; put recordings with their texts, or a corpus, there')
    if (source / MANIFEST_NAME).exists():
        with workplace(out) as work:
            shutil.copytree(source, work, dirs_exist_ok=True)
            put_in_place(work, out)
        return
    build_corpus(source, out, speaker=speaker)
    if (source / CONSENT_NAME).exists():
        shutil.copy2(source / CONSENT_NAME, out / CONSENT_NAME)


def train_voice(params: Path, corpus: Path, out: Path, *, kind: str, base: Path | None = None) -> None:
    """A training as ``params`` says, from scratch or from a base; going on where it stopped.

    Raises:
        ClockTrainError: what `training_session.train` raises.
    """
    config = read_params(params)
    with listening(ProgressStyle.LINES) as listener:
        train(training_request(config, [corpus], out, kind=kind, base=base), listener)


def distill_voice(teacher: Path, out: Path) -> None:
    """Nothing is distilled yet: records which voice goes on, and that the student is trained directly.

    Raises:
        VoiceNotFound, BundleDamaged: the voice is not there, or not whole.
    """
    load_voice(teacher)
    out.mkdir(parents=True, exist_ok=True)
    note = {"distilled": False, "voice": str(teacher), "why": "no distillation yet; a student is trained directly"}
    (out / "distillation.json").write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def evaluate_voice(voice_path: Path, out: Path) -> None:
    """Held-out sentences judged: ``report.json`` in full and ``metrics.json`` with one number a row.

    Raises:
        VoiceNotFound: the training beside the voice kept no packed corpus.
        ClockTrainError: what loading and judging raise.
    """
    voice = Voice.load(voice_path)
    packed = sorted(voice_path.parent.glob("packed-*.npz"), key=lambda path: path.stat().st_mtime)
    if not packed:
        raise VoiceNotFound(f'"{voice_path.parent}" has no packed corpus beside the voice; train it again')
    held_out = hold_out(voice, load_packed(packed[-1]), speaker=voice.card.speakers[0])
    report = evaluate(held_out.items)
    out.mkdir(parents=True, exist_ok=True)
    report.write(out / "report.json")
    (out / "metrics.json").write_text(json.dumps(report.values(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def export_voice(voice_path: Path, out: Path) -> None:
    """A verified copy of the voice folder beside its digest; no ONNX and no signature yet.

    Raises:
        VoiceNotFound, BundleDamaged: the voice is not there, or not whole.
        ExportError: the folder holds something else.
    """
    load_voice(voice_path)
    if out.exists():
        if not (out / BUNDLE_NAME).is_file():
            raise ExportError(f'"{out}" holds something that is no bundle; name a new folder')
        shutil.rmtree(out)
    with workplace(out) as work:
        shutil.copytree(voice_path, work / "voice", dirs_exist_ok=True)
        digest = hashlib.sha256((work / "voice" / "voice.json").read_bytes()).hexdigest()
        note = {"digest": digest, "signed": False, "onnx": False}
        (work / BUNDLE_NAME).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
        put_in_place(work, out)


def training_request(
    config: ExperimentConfig,
    corpora: Sequence[Path],
    out: Path,
    *,
    kind: str,
    base: Path | None = None,
    name: str | None = None,
    fork: bool = False,
    store: str | None = None,
    place: RunPlace | None = None,
    resume_from: str | None = None,
) -> TrainRequest:
    """The training that an experiment describes."""
    return TrainRequest(
        corpora=corpora,
        output=out,
        preset=preset_of(config),
        base=base,
        name=name,
        kind=kind,
        fork=fork,
        store=store,
        place=place,
        resume_from=resume_from,
        epochs=config.passes.epochs,
        checkpoint_every_epochs=config.passes.checkpoint_every_epochs,
        device=config.compute.device,
        workers=config.compute.workers,
        min_workers=config.compute.min_workers,
    )
