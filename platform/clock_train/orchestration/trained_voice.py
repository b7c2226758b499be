"""A trained run as a voice folder: what its card says of recordings, consents, base and training."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clock_train.bundle.card import card_digest
from clock_train.consent.rules import Grant
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.orchestration.card_facts import base_name, languages_of_base, licences_of, steps_in_base
from clock_train.orchestration.corpus_versions import revision_of
from clock_train.orchestration.starting_model import vectors_after_training
from clock_train.orchestration.training_preparation import Prepared
from clock_train.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a run went, as the card says it."""

    steps: int
    spoken_step: int
    """Of the weights that speak."""
    trained_on: str
    """UTC day, YYYY-MM-DD."""
    cpu_seconds: float
    ending: str
    hardware: str
    carried: dict[str, Any] | None = None
    """How the weights came from another machine; None where they were trained on this one."""


def write_trained_voice(prepared: Prepared, run: Run, trained: Trained) -> Path:
    """Write ``voice/`` below the output folder.

    Args:
        prepared: what was trained.
        run: its model holds the weights that speak.
        trained: how it went.
    """
    request, packed = prepared.request, run.corpus.packed
    card = VoiceCard(
        name=prepared.name,
        kind=request.kind,
        languages=sorted(set(packed.languages)),
        speakers=packed.speakers,
        consent_ids=sorted({record.id for record in prepared.consents}),
        consents=[Grant.of(record).wire() for record in {each.id: each for each in prepared.consents}.values()],
        corpus_revision=prepared.revision,
        training={
            "preset": request.preset,
            "dvcRevisions": [revision_of(corpus.path) or "" for corpus in prepared.corpora],
            "base": str(request.base) if request.base else None,
            "baseDigest": card_digest(request.base) if request.base else None,
            "baseName": base_name(request.base),
            "stepsInBase": steps_in_base(request.base),
            "baseLanguages": languages_of_base(request.base),
            "licences": licences_of(prepared.consents, request.base),
            "code": version("clock-train"),
            "hardware": trained.hardware,
            "steps": trained.steps,
            "spokenStep": trained.spoken_step,
            "trainedOn": trained.trained_on,
            "cpuSeconds": round(trained.cpu_seconds, 1),
            "lastPhase": run.config.schedule.phase(max(0, trained.steps - 1)).value,
            "ending": trained.ending,
            "trainedSeconds": round(float(packed.seconds()[packed.of_split(0)].sum()), 1),
            "trainedClips": len(packed.of_split(0)),
            "testClips": [packed.public_id(i) for i in packed.of_split(2)],
            **({} if trained.carried is None else {"carried": trained.carried}),
        },
    )
    path = request.output / "voice"
    save_voice(path, card, run.voice, vectors_after_training(run), discriminators=run.discriminators)
    return path
