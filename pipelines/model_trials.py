"""Trains variants of the student on one corpus for the same CPU time each and prints one table, that of ADR 0002.

    python pipelines/model_trials.py demo/corpus --cpu-seconds 200 --variant default --variant phone-prior

One thread a process; run two at once on two cores. Each row has the model's own validation losses and, by judges that
training never hears, the word starts and the speaker similarity on the held-out sentences.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from clock_train.data.manifest import read_corpus
from clock_train.data.packing import PackedCorpus, pack
from clock_train.evaluation.figures import Subject
from clock_train.evaluation.report import evaluate
from clock_train.models.speech import Voice
from clock_train.models.vocoder import VocoderRate
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.models.voice_files import VoiceCard, load_voice, save_voice, stored_vectors
from clock_train.orchestration.held_out import hold_out
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.starting_model import vocabulary
from clock_train.training import checkpoint
from clock_train.training.loop import fit
from clock_train.training.run import Run, TrainingConfig
from clock_train.training.validation import validate

Variant = Callable[[VoiceConfig, TrainingConfig], tuple[VoiceConfig, TrainingConfig]]


def _rate(rate: VocoderRate) -> Variant:
    return lambda model, training: (replace(model, vocoder=replace(model.vocoder, rate=rate)), training)


VARIANTS: dict[str, Variant] = {
    "default": lambda model, training: (model, training),
    "phone-prior": lambda model, training: (replace(model, prior=replace(model.prior, layers=0)), training),
    "rate-4x": _rate(VocoderRate.FOUR_TIMES),
    "rate-sample": _rate(VocoderRate.SAMPLE),
    "full-divergence": lambda model, training: (model, replace(training, loss=replace(training.loss, kl=1.0))),
    "whole-clips": lambda model, training: (model, replace(training, loss=replace(training.loss, window_frames=750))),
    "no-hearing-phase": lambda model, training: (
        model,
        replace(training, schedule=replace(training.schedule, hearing_steps=0)),
    ),
    "attached-prior": lambda model, training: (
        model,
        replace(training, schedule=replace(training.schedule, detach_prior_steps=0)),
    ),
    "augmented": lambda model, training: (
        model,
        replace(training, augmentation=replace(training.augmentation, noise_share=0.3)),
    ),
}


def main() -> None:
    """Run the variants asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--cpu-seconds", type=float, default=200.0)
    parser.add_argument("--hearing-steps", type=int, default=250)
    parser.add_argument("--variant", action="append", choices=list(VARIANTS))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    packed, _ = pack([read_corpus(asked.corpus)])
    print("| variant | steps | heard mel | text mel | one-frame | word starts < 50 ms | resynthesis | from text |")
    print("|---|---|---|---|---|---|---|---|")
    for name in asked.variant or VARIANTS:
        print(f"| {name} | {_row(name, packed, asked.cpu_seconds, asked.hearing_steps, asked.seed)} |", flush=True)


def _row(name: str, packed: PackedCorpus, cpu_seconds: float, hearing_steps: int, seed: int) -> str:
    demo = PRESETS["Demo"]
    training = replace(
        demo.training,
        seed=seed,
        max_cpu_seconds=cpu_seconds,
        checkpoint_every=10**9,
        schedule=replace(demo.training.schedule, hearing_steps=hearing_steps),
    )
    model, training = VARIANTS[name](demo.model(), training)
    torch.manual_seed(seed)
    run = Run(VoiceModel(model, vocabulary(), num_speakers=1), packed, training, device=torch.device("cpu"))
    result = fit(run, save=lambda step, files: "nowhere")
    own = validate(run)
    checkpoint.load_average(run.voice, checkpoint.to_files(run))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice"
        save_voice(path, VoiceCard(name=name, speakers=packed.speakers), run.voice.eval(), stored_vectors(run.voice))
        held_out = hold_out(Voice(load_voice(path)), packed, speaker=packed.speakers[0])
    report = evaluate(held_out.items)
    judged = [
        report.row("word_starts_within_50_ms", Subject.ALIGNMENT),
        report.row("speaker_similarity", Subject.RESYNTHESIS),
        report.row("speaker_similarity", Subject.SPEECH),
    ]
    figures = [own.mel, own.text_mel, held_out.one_frame_share, *(row.value if row else None for row in judged)]
    return " | ".join([str(result.step), *("–" if figure is None else f"{figure:.3f}" for figure in figures)])


if __name__ == "__main__":
    main()
