"""``clocktrain distill``: a trained voice teaches a small one, and what that is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.orchestration.progress import ProgressStyle, listening, spoken_duration

if TYPE_CHECKING:
    from clock_train.orchestration.distillation import DistillRequest

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Teach a small voice what a trained one knows.",
)

Teacher = Annotated[Path, typer.Argument(metavar="VOICE", help="Folder of a trained voice, such as anna/voice.")]
Settings = Annotated[
    str | None,
    typer.Option(help="A file of conf/distillation: student, basic, cpu or small; by default cpu without a GPU."),
]
Texts = Annotated[
    Path | None, typer.Option(help="Text for the teacher to speak; by default the corpus' sentences put together anew.")
]
Sentences = Annotated[int | None, typer.Option(min=1, help="Sentences that the teacher speaks.")]
MaxSteps = Annotated[int | None, typer.Option(min=1, help="End after so many steps, whatever they cost.")]
CpuSeconds = Annotated[float | None, typer.Option(min=0.1, help="End when the steps have cost this much CPU time.")]
BatchSize = Annotated[int | None, typer.Option(min=2, help="Clips a step, half of them the teacher's.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Progress = Annotated[ProgressStyle, typer.Option(help="How progress is shown on standard error.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def run(
    teacher: Teacher,
    *,
    out: Annotated[Path, typer.Option(help="Folder of the student; the same folder goes on.")],
    settings: Settings = None,
    texts: Texts = None,
    sentences: Sentences = None,
    max_steps: MaxSteps = None,
    max_cpu_seconds: CpuSeconds = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that share each batch, by Ray; 0: this one.")] = 0,
    progress: Progress = ProgressStyle.AUTO,
    as_json: Json = False,
) -> None:
    """Distil a voice into a student of at most 5.5 million parameters.

    The teacher speaks sentences for it and says what it expects of every frame. Interrupting it loses nothing.
    """
    from clock_train.orchestration.distillation import distill

    request = _request(
        teacher, out, settings, device, texts=texts, seed=seed, workers=workers,
        changes=_changes(sentences, max_steps, max_cpu_seconds, batch_size),
    )  # fmt: skip
    with listening(progress) as listener:
        outcome = distill(request, listener)
    result = outcome.fitted.result
    if as_json:
        facts = {"voice": str(outcome.voice_path), "parameters": outcome.parameters, "step": result.step}
        facts |= {"teacherParameters": outcome.teacher_parameters, "sentences": outcome.spoken}
        print(json.dumps({**facts, "history": str(outcome.fitted.history_path)}, indent=1))
        return
    print(
        f"Student: {outcome.voice_path} ({outcome.parameters / 1e6:.1f} M of {outcome.teacher_parameters / 1e6:.1f} M)"
    )
    print(f"Trained: {result.step} steps, {spoken_duration(result.cpu_seconds)} of CPU, {result.ending.value}")
    print(f"Curves:  {outcome.fitted.history_path}")
    print(f'Speak:   clocktrain synthesize --voice {outcome.voice_path} --text "..." --out speech.wav')


@app.command()
def compare(
    teacher: Teacher,
    *,
    out: Annotated[Path, typer.Option(help="Folder of both students and the report; the same folder goes on.")],
    settings: Settings = None,
    texts: Texts = None,
    sentences: Sentences = None,
    max_steps: MaxSteps = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    device: Device = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the timing; the median counts.")] = 7,
    phone_seconds: Annotated[
        float, typer.Option(min=0, help="CPU time to train a phone recogniser where one is needed; 0: none.")
    ] = 150.0,
    progress: Progress = ProgressStyle.AUTO,
    as_json: Json = False,
) -> None:
    """Say by measurement what a teacher is worth.

    The same student with and without it, for the same steps from the same seed; all three are judged and timed.
    """
    from clock_train.evaluation.compared_voices import as_markdown
    from clock_train.orchestration.distillation_comparison import compare_distillation

    request = _request(
        teacher, out, settings, device, texts=texts, seed=seed,
        # both for as many steps: a budget of CPU time would give them different ones
        changes={**_changes(sentences, max_steps, None, batch_size), "distillation.training.max_cpu_seconds": None},
    )  # fmt: skip
    with listening(progress) as listener:
        outcome = compare_distillation(request, listener, rounds=rounds, phone_cpu_seconds=phone_seconds)
    if as_json:
        print(outcome.json.read_text(encoding="utf-8"), end="")
        return
    print(as_markdown(outcome.comparison))
    print(f"Report: {outcome.markdown}, {outcome.json}\nPage:   {outcome.page}")


def _changes(
    sentences: int | None, max_steps: int | None, max_cpu_seconds: float | None, batch_size: int | None
) -> dict[str, object]:
    changes: dict[str, object] = {}
    if max_steps is not None:
        changes |= {"distillation.training.max_steps": max_steps, "distillation.training.max_cpu_seconds": None}
    for key, value in (
        ("distillation.sentences", sentences),
        ("distillation.training.max_cpu_seconds", max_cpu_seconds),
        ("distillation.training.batch_size", batch_size),
    ):
        if value is not None:
            changes[key] = value
    return changes


def _request(
    teacher: Path,
    out: Path,
    settings: str | None,
    device: str,
    *,
    texts: Path | None,
    seed: int | None,
    changes: dict[str, Any],
    workers: int = 0,
) -> DistillRequest:
    from clock_train.config.experiment import load_config
    from clock_train.orchestration.distillation import DistillRequest
    from clock_train.orchestration.pipeline_stages import packed_of
    from clock_train.orchestration.run_fitting import Effort
    from clock_train.orchestration.worker import device_of

    chosen = settings or ("cpu" if device_of(device).type == "cpu" else "student")
    config = load_config("demo", {"distillation": chosen, **changes}).distillation
    return DistillRequest(
        teacher=teacher,
        packed=packed_of(teacher),
        output=out,
        config=config,
        seed=seed,
        texts=texts,
        device=device,
        effort=Effort(workers=workers, fork=True),
    )
