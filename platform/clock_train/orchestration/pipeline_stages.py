"""The stages of ``pipelines/dvc.yaml`` as functions of folders; each writes its output folder and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from clock_train.bundle.card import CARD
from clock_train.config.experiment import ExperimentConfig, read_params
from clock_train.consent.record import ConsentRecord
from clock_train.data.build import build_corpus
from clock_train.data.manifest import MANIFEST_NAME
from clock_train.data.packing import load_packed
from clock_train.data.replacing import put_in_place, workplace
from clock_train.errors import CorpusNotFound, VoiceNotFound
from clock_train.evaluation.report import evaluate
from clock_train.models.speech import Voice
from clock_train.orchestration.bundle_export import export_bundle, packed_beside
from clock_train.orchestration.consents import carry_consent
from clock_train.orchestration.held_out import hold_out
from clock_train.orchestration.presets import preset_of
from clock_train.orchestration.progress import ProgressStyle, listening
from clock_train.orchestration.student_stage import StudentCurves, distill_stage
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.storage.places import RunPlace

OLDER_BUNDLE = "bundle.json"
"""What exports of before the signature kept beside the voice."""


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
    carry_consent(source, out)


def train_voice(params: Path, corpus: Path, out: Path, *, kind: str, base: Path | None = None) -> None:
    """A training as ``params`` says, from scratch or from a base; going on where it stopped.

    Raises:
        ClockTrainError: what `training_session.train` raises.
    """
    config = read_params(params)
    with listening(ProgressStyle.LINES) as listener:
        train(training_request(config, [corpus], out, kind=kind, base=base), listener)


def distill_voice(params: Path, teacher: Path, out: Path) -> None:
    """A student of the voice, as ``params`` says, in ``out/voice``; going on where it stopped.

    Raises:
        VoiceNotFound: no voice, or its training kept no packed corpus.
        ClockTrainError: what `distillation.distill` raises.
    """
    config = read_params(params)
    with listening(ProgressStyle.LINES) as listener:
        distill_stage(teacher, packed_of(teacher), out, config, listener, StudentCurves(None))


def packed_of(voice: Path) -> Path:
    """The packed corpus that a voice was trained from, beside it.

    Raises:
        VoiceNotFound: the training kept none, or there is no voice.
    """
    packed = packed_beside(voice.parent)
    if packed is None:
        raise VoiceNotFound(f'"{voice.parent}" has no packed corpus beside the voice; train it again')
    return packed


def evaluate_voice(voice_path: Path, out: Path, *, packed: Path | None = None) -> None:
    """Held-out sentences judged: ``report.json`` in full and ``metrics.json`` with one number a row.

    Args:
        voice_path: what is judged.
        out: folder of the figures.
        packed: the corpus it was trained from; None takes the one beside the voice.

    Raises:
        VoiceNotFound: the training beside the voice kept no packed corpus.
        ClockTrainError: what loading and judging raise.
    """
    voice = Voice.load(voice_path)
    corpus = load_packed(packed or packed_of(voice_path))
    held_out = hold_out(voice, corpus, speaker=voice.card.speakers[0])
    report = evaluate(held_out.items)
    out.mkdir(parents=True, exist_ok=True)
    report.write(out / "report.json")
    (out / "metrics.json").write_text(json.dumps(report.values(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def export_voice(
    voice_path: Path, out: Path, *, packed: Path | None = None, metrics: Path | None = None, tracking_run: str = ""
) -> str:
    """The signed bundle of a voice.

    Args:
        voice_path: what ``voice_to_export`` chose.
        out: folder of the bundle; an older one is replaced.
        packed: the corpus it was trained from, to judge an int8 decoder by.
        metrics: the judges' ``metrics.json``, for the card.
        tracking_run: MLflow's id of the run.

    Returns:
        The bundle's digest.

    Raises:
        VoiceNotFound, BundleDamaged: the voice is not there, or not whole.
        BundleUnwritable: the folder holds something else, or no room is left.
    """
    if (out / OLDER_BUNDLE).is_file():
        shutil.rmtree(out)
    judged = json.loads(metrics.read_text(encoding="utf-8")) if metrics is not None and metrics.is_file() else {}
    figures = {name: float(value) for name, value in judged.items() if isinstance(value, int | float)}
    return export_bundle(voice_path, out, packed=packed, metrics=figures, tracking_run=tracking_run).digest


def voice_to_export(voice: Path, distilled: Path) -> Path:
    """The student, or the voice as it was trained where no student was distilled."""
    student = distilled / "voice"
    return student if (student / CARD).is_file() else voice


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
    consents: Sequence[ConsentRecord] | None = None,
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
        consents=consents,
        epochs=config.passes.epochs,
        checkpoint_every_epochs=config.passes.checkpoint_every_epochs,
        device=config.compute.device,
        workers=config.compute.workers,
        min_workers=config.compute.min_workers,
    )
