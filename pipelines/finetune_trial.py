"""Fine-tunes a base on so many minutes of one corpus for so long, and prints one table, that of docs/quality.md.

    python pipelines/finetune_trial.py corpus-fr --minutes 1 10 25 --cpu-seconds 120 --learning-rate 0.0005

One thread. Judges that training never hears score the same held-out sentences in each row; the base itself, without any
training on this speaker, is the first row, and ``--from-scratch`` adds a training from nothing for the same time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from clock_train.data.manifest import read_corpus
from clock_train.data.packing import PackedCorpus, pack
from clock_train.data.splits import TRAIN
from clock_train.evaluation.figures import EvaluationReport, Subject
from clock_train.evaluation.phone_recogniser import PhoneRecogniser
from clock_train.evaluation.report import evaluate
from clock_train.models.speech import Voice
from clock_train.models.voice_files import VoiceCard, load_voice, save_voice, stored_vectors
from clock_train.orchestration.held_out import hold_out
from clock_train.orchestration.phone_judge import phone_judge
from clock_train.orchestration.presets import PRESETS, for_fine_tuning
from clock_train.orchestration.shipped_base import shipped_base
from clock_train.orchestration.starting_model import from_base, from_scratch
from clock_train.training import checkpoint
from clock_train.training.loop import fit
from clock_train.training.run import Run
from clock_train.training.trained_parts import TrainedParts

UNUSED = 9
"""Of a clip that takes no part in a row."""
SHOWN = (
    ("speaker_similarity", Subject.SPEECH),
    ("speaker_similarity", Subject.RESYNTHESIS),
    ("mismatch_ratio", Subject.SPEECH),
    ("mcd_warped", Subject.SPEECH),
    ("mcd_warped", Subject.RESYNTHESIS),
)


@dataclass(frozen=True)
class Trial:
    """One row: what is trained on, from where, for how long."""

    minutes: float
    cpu_seconds: float
    learning_rate: float
    base: Path | None
    parts: TrainedParts = TrainedParts.ALL


def main() -> None:
    """Run every combination that was asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--base", type=Path, help="voice folder; by default the base that comes along")
    parser.add_argument("--minutes", type=float, nargs="+", default=[25.0])
    parser.add_argument("--cpu-seconds", type=float, nargs="+", default=[120.0])
    parser.add_argument(
        "--learning-rate", type=float, nargs="+", default=[PRESETS["Demo"].training.optimizer.learning_rate]
    )
    names = [each.value for each in TrainedParts]
    parser.add_argument("--trained", nargs="+", choices=names, default=["all"], help="what of the base changes")
    parser.add_argument("--from-scratch", action="store_true", help="also from nothing, for the longest time")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    base = asked.base or shipped_base()
    packed, _ = pack([read_corpus(asked.corpus)])
    judges = {language: phone_judge(packed, language) for language in set(packed.languages)}
    words = "word errors" if any(isinstance(each, str) for each in judges.values()) else "phone errors"
    print(
        "| from | trained | minutes | CPU-s | rate | steps | similarity | of its resynthesis | mismatch | MCD "
        f"| of resynthesis | {words} | in the recordings |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for trial in _trials(asked, base):
        print(f"| {_row(trial, packed, judges, asked.seed)} |", flush=True)


def _trials(asked: argparse.Namespace, base: Path) -> Iterator[Trial]:
    yield Trial(0.0, 0.0, 0.0, base)
    for minutes in asked.minutes:
        for rate in asked.learning_rate:
            for seconds in asked.cpu_seconds:
                for parts in asked.trained:
                    yield Trial(minutes, seconds, rate, base, TrainedParts(parts))
    if asked.from_scratch:
        yield Trial(max(asked.minutes), max(asked.cpu_seconds), PRESETS["Demo"].training.optimizer.learning_rate, None)


def _row(trial: Trial, packed: PackedCorpus, judges: dict[str, PhoneRecogniser | str], seed: int) -> str:
    chosen = _first_minutes(packed, trial.minutes)
    run = _run(trial, chosen, seed)
    steps = 0
    if trial.cpu_seconds:
        steps = fit(run, save=lambda step, files: "nowhere").step
        checkpoint.load_average(run.voice, checkpoint.to_files(run))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice"
        save_voice(path, VoiceCard(name="trial", speakers=packed.speakers), run.voice.eval(), stored_vectors(run.voice))
        held_out = hold_out(Voice(load_voice(path)), packed, speaker=packed.speakers[0])
    report = evaluate(held_out.items, phone_judges=judges)
    errors = "word_error_rate" if report.row("word_error_rate", Subject.NATURAL) else "phone_error_rate"
    if _value(report, errors, Subject.NATURAL) == "–":
        errors = "phone_error_rate"
    figures = [_value(report, *of) for of in (*SHOWN, (errors, Subject.SPEECH), (errors, Subject.NATURAL))]
    trained = chosen.seconds()[chosen.of_split(TRAIN)].sum() / 60 if trial.minutes else 0.0
    start = "nothing" if trial.base is None else "base"
    about = [
        start,
        trial.parts.value,
        f"{trained:.1f}",
        f"{trial.cpu_seconds:.0f}",
        f"{trial.learning_rate:g}",
        str(steps),
    ]
    return " | ".join([*about, *figures])


def _run(trial: Trial, packed: PackedCorpus, seed: int) -> Run:
    demo = PRESETS["Demo"]
    training = replace(
        demo.training,
        seed=seed,
        trained=trial.parts,
        max_cpu_seconds=trial.cpu_seconds or None,
        checkpoint_every=10**9,
        optimizer=replace(demo.training.optimizer, learning_rate=trial.learning_rate or 1e-4),
    )
    if trial.base is None:
        started = from_scratch(demo.model(), packed, seed=seed, initial_vectors=None)
    else:
        training = for_fine_tuning(training, has_discriminators=False)
        judges = training.discriminators
        started = from_base(trial.base, packed, seed=seed, initial_vectors=None, judges=judges)
    torch.manual_seed(seed)
    return Run(started.voice, packed, training, device=torch.device("cpu"))


def _first_minutes(packed: PackedCorpus, minutes: float) -> PackedCorpus:
    """The same corpus with so much of its training split; at least one batch of it."""
    split_of, seconds, taken = packed.split_of.copy(), packed.seconds(), 0.0
    for number, i in enumerate(np.random.default_rng(1).permutation(packed.of_split(TRAIN))):
        if number >= 16 and taken >= 60 * minutes:
            split_of[i] = UNUSED
        else:
            taken += seconds[i]
    return replace(packed, split_of=split_of)


def _value(report: EvaluationReport, metric: str, subject: Subject) -> str:
    row = report.row(metric, subject)
    return "–" if row is None or row.value is None else f"{row.value:.3f}"


if __name__ == "__main__":
    main()
