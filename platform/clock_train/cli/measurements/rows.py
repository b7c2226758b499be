"""The rows of the bench table, each with its target: what is measured, and how hard.

A row whose measurement failed stays in the table with the reason; a figure that was not had is not met.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clock_train.cli.measurements.isolation import Measurement, cpu_seconds_of, measure, median
from clock_train.cli.measurements.judges import ALL, WITHOUT_RECOGNISERS
from clock_train.evaluation.judge_speed import (
    ALIGNER,
    DISTANCE_JUDGE,
    OPINION_JUDGE,
    SIMILARITY_JUDGE,
    WORD_JUDGE,
)
from clock_train.evaluation.targets import Figure

MODELS = ("student", "teacher")
PHASES = ("hearing", "reading", "contest")
DEVICES = ("cpu", "cuda")
JUDGES = (SIMILARITY_JUDGE, DISTANCE_JUDGE, OPINION_JUDGE, WORD_JUDGE, ALIGNER)


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is done for a row."""

    synthetic_clips: int
    feature_seconds: float
    speaking_rounds: int
    starts: int
    waits: int
    """Commands whose wall time counts."""
    judged_sentences: int
    training_seconds: float
    training_steps: int
    longest_clip_seconds: float
    batch_size: Mapping[tuple[str, str], int]
    """(device, ``light`` or ``heavy``) → clips a step; the teacher and the contest are heavy."""
    demo_cpu_seconds: float
    run_steps: int
    workers: tuple[int, ...]
    triton_rounds: int
    triton_seconds: float
    """Of each way of speaking in a round, and of each number of clients."""
    triton_voices: int
    triton_clients: tuple[int, ...]
    one_process_a_model: bool
    """All phases in one process: quicker, and the memory is then that of the hungriest."""
    training_threads: int = 1
    """As every training here; see ``orchestration.training_session``."""
    timeout_s: float = 600.0


FULL = Effort(
    synthetic_clips=120,
    feature_seconds=120.0,
    speaking_rounds=9,
    starts=9,
    waits=5,
    judged_sentences=12,
    training_seconds=10.0,
    training_steps=2,
    longest_clip_seconds=9.0,
    batch_size={("cpu", "light"): 16, ("cpu", "heavy"): 4, ("cuda", "light"): 32, ("cuda", "heavy"): 32},
    demo_cpu_seconds=20.0,
    run_steps=60,
    workers=(1, 2),
    triton_rounds=5,
    triton_seconds=6.0,
    triton_voices=10,
    triton_clients=(1, 2, 4, 8, 16, 32, 64),
    one_process_a_model=False,
)
QUICK = Effort(
    synthetic_clips=10,
    feature_seconds=5.0,
    speaking_rounds=1,
    starts=1,
    waits=1,
    judged_sentences=2,
    training_seconds=0.0,
    training_steps=1,
    longest_clip_seconds=0.8,
    batch_size={("cpu", "light"): 2, ("cpu", "heavy"): 2, ("cuda", "light"): 2, ("cuda", "heavy"): 2},
    demo_cpu_seconds=1.0,
    run_steps=6,
    workers=(1,),
    triton_rounds=1,
    triton_seconds=1.0,
    triton_voices=2,
    triton_clients=(1, 4),
    one_process_a_model=True,
)


@dataclass(frozen=True)
class BenchRow:
    """One line of the table, with everything else that its measurement gave."""

    figure: Figure
    details: Mapping[str, float]


def start_up_rows(effort: Effort) -> Iterator[BenchRow]:
    """CPU time of an import and of the help page, each a process of its own."""
    python = sys.executable
    commands = {
        "bare": [python, "-c", "pass"],
        "import": [python, "-c", "import clock_train"],
        "help": [python, "-c", "from clock_train.cli.main import run; run(['--help'])"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(effort.starts):
        for name, command in commands.items():
            times[name].append(cpu_seconds_of(command))
    found = {name: median(values) for name, values in times.items()}
    yield plain_row("import clock_train", max(0.0, found["import"] - found["bare"]), "s", at_most=0.2, details=found)
    yield plain_row(
        "clocktrain --help", found["help"], "s", at_most=0.5, note="Python's own start included", details=found
    )


def front_end_rows(effort: Effort) -> Iterator[BenchRow]:
    """Loading and reading texts."""
    found = measure("front_end", {}, timeout_s=effort.timeout_s, threads=1)
    yield measured_row("text front-end: load", found, "load_seconds", "s", at_most=1.0)
    for language, name in (("zh", "Mandarin"), ("en", "English")):
        key = f"{language}_sentences_per_minute"
        note = f"{found.values.get(f'{language}_sentences', 0):.0f} sentences of 2 to 4 s, each once"
        yield measured_row(f"text front-end: {name}", found, key, "sentences/min", at_least=30_000.0, note=note)


def preparation_rows(effort: Effort, recordings: str | None) -> Iterator[BenchRow]:
    """Corpus build and features on one core."""
    options = {
        "recordings": recordings,
        "num_clips": effort.synthetic_clips,
        "feature_seconds": effort.feature_seconds,
    }
    found = measure("preparation", options, timeout_s=effort.timeout_s, threads=1)
    kind = "sample recordings" if recordings else "synthetic recordings"
    note = f"{kind}, {found.values.get('build_audio_seconds', 0) / 60:.1f} min; peak {_gb(found.peak_gb)}"
    yield measured_row("corpus build", found, "build_times_real_time", "x real time", at_least=30.0, note=note)
    yield measured_row("feature extraction", found, "features_times_real_time", "x real time", at_least=200.0)


def waiting_rows(effort: Effort) -> Iterator[BenchRow]:
    """How long a person waits for commands that start nothing."""
    options = {"rounds": effort.waits, "num_clips": effort.synthetic_clips}
    found = measure("commands", options, timeout_s=effort.timeout_s)
    note = f"{{}} s of it CPU time, Python's own start included; {effort.synthetic_clips} clips"
    cpu_s = {name: f"{found.values.get(f'{name}_cpu_seconds', 0.0):.2f}" for name in ("plan", "repro")}
    yield measured_row("clocktrain plan", found, "plan_seconds", "s", at_most=1.0, note=note.format(cpu_s["plan"]))
    note = note.format(cpu_s["repro"])
    if not found.failure and "repro_seconds" not in found.values:
        note = "not available: no pipeline or no DVC here; run it in a checkout"
    yield measured_row("dvc repro, nothing to do", found, "repro_seconds", "s", at_most=3.0, note=note)


def judge_rows(effort: Effort, recordings: str | None) -> Iterator[BenchRow]:
    """Each judge's speed on one core, and all of them together."""
    options = {"recordings": recordings, "num_sentences": effort.judged_sentences}
    found = measure("judges", options, timeout_s=effort.timeout_s, threads=1)
    kind = "sample recordings" if recordings else "synthetic sentences, which nobody understands"
    note = f"{found.values.get('sentences', 0):.0f} {kind} of {found.values.get('seconds', 0):.0f} s"
    for judge in JUDGES:
        judged = note if judge in found.values else "not available: it could judge none of these sounds"
        yield measured_row(f"judge: {judge}", found, judge, "x real time", note=judged)
    note = "sound over the CPU time of each, added up"
    yield measured_row(
        "judges: all but the recognisers", found, WITHOUT_RECOGNISERS, "x real time", at_least=20.0, note=note
    )
    yield measured_row("judges: with the recognisers", found, ALL, "x real time", at_least=3.0, note=note)


def speaking_rows(effort: Effort) -> Iterator[BenchRow]:
    """Real-time factors on one thread."""
    found = measure("speaking", {"rounds": effort.speaking_rounds}, timeout_s=effort.timeout_s, threads=1)
    for model, limit in (("teacher", 0.08), ("student", 0.015)):
        note = "CPU seconds a second of speech, one thread, PyTorch eager"
        yield measured_row(f"{model} real-time factor", found, f"{model}_rtf", "", at_most=limit, note=note)


def serving_rows(effort: Effort) -> Iterator[BenchRow]:
    """A bundle in ONNX Runtime: student against teacher, float32 against int8."""
    found = measure("onnx_speaking", {"rounds": effort.speaking_rounds}, timeout_s=effort.timeout_s, threads=1)
    pace = "CPU seconds a second of speech, one thread, ONNX Runtime, 4.8 s sentences"
    yield measured_row("bundle: student real-time factor", found, "student_rtf", "", at_most=0.005, note=pace)
    yield measured_row("bundle: student, int8 decoder", found, "int8_rtf", "", note=pace)
    yield measured_row("bundle: teacher real-time factor", found, "teacher_rtf", "", note=pace)
    turns = "median CPU times, measured in turn"
    yield measured_row("bundle: student over teacher", found, "times_faster", "x", at_least=4.0, note=turns)
    yield measured_row("bundle: int8 over float32", found, "int8_times_faster", "x", note=turns)
    yield measured_row(
        "bundle: student parameters", found, "student_parameters_m", "M", at_most=5.5, note="stored for synthesis"
    )
    yield measured_row(
        "bundle: first chunk", found, "first_chunk_ms", "ms", at_most=30.0, note="CPU time, 0.38 s of sound"
    )
    yield measured_row("bundle: load", found, "load_s", "s", at_most=1.0, note="hashes checked, sessions made")


def training_rows(effort: Effort, model: str, device: str, has_gpu: bool) -> Iterator[BenchRow]:
    """Steps a second in each phase, then the shares of data and checkpoints in them."""
    if device == "cuda" and not has_gpu:
        yield plain_row(f"{model}, all phases, cuda", None, "steps/s", note="not available: no GPU on this machine")
        return
    shares: dict[str, list[float]] = {"data": [], "checkpoint": []}
    for phases in [PHASES] if effort.one_process_a_model else [(phase,) for phase in PHASES]:
        light = model == "student" and "contest" not in phases
        batch_size = effort.batch_size[device, "light" if light else "heavy"]
        options = {
            "model": model, "phases": list(phases), "device": device, "batch_size": batch_size,
            "seconds": effort.training_seconds, "least_steps": effort.training_steps,
            "longest_clip_seconds": effort.longest_clip_seconds, "threads": effort.training_threads,
        }  # fmt: skip
        found = measure("training", options, timeout_s=effort.timeout_s, threads=effort.training_threads)
        for phase in phases:
            yield _phase_row(f"{model}, {phase}, {device}", phase, batch_size, found)
            for name, known in shares.items():
                known += [found.values[key] for key in (f"{phase}_{name}_percent",) if key in found.values]
    for name, title, limit in (("data", "waiting for data", 5.0), ("checkpoint", "writing checkpoints", 3.0)):
        worst = max(shares[name], default=None)
        note = "most of any phase, of step time" if shares[name] else "not available: see the phases above"
        yield plain_row(f"{model}, {title}, {device}", worst, "%", at_most=limit, note=note)


def _phase_row(title: str, phase: str, batch_size: int, found: Measurement) -> BenchRow:
    details = {name.removeprefix(f"{phase}_"): v for name, v in found.values.items() if name.startswith(f"{phase}_")}
    if not details:
        return plain_row(title, None, "steps/s", note=f"not available: {found.failure}")
    note = (
        f"batch {batch_size}: {details['clips_per_s']:.2f} clips/s, "
        f"{details['cpu_seconds_per_step']:.2f} CPU-s a step, peak {_gb(found.peak_gb)}"
    )
    details["batch_size"] = batch_size
    if found.peak_gb is not None:
        details["peak_gb"] = found.peak_gb
    if "device_peak_gb" in found.values:
        details["device_peak_gb"] = found.values["device_peak_gb"]
        note += f", on the device {_gb(found.values['device_peak_gb'])}"
    return plain_row(title, details["steps_per_s"], "steps/s", note=note, details=details)


def run_rows(effort: Effort) -> Iterator[BenchRow]:
    """What tracking and Ray cost, and how soon a run begins."""
    batch = effort.batch_size["cpu", "light"]
    options = {
        "steps": effort.run_steps,
        "num_clips": effort.synthetic_clips,
        "batch_size": batch,
        "workers": list(effort.workers),
    }
    found = measure("tracked_runs", options, timeout_s=effort.timeout_s, threads=1)
    here = found.values.get("workers_0_steps_per_s")
    note = f"student, batch {batch}: appending to a file; a process beside it sends"
    yield measured_row("tracking", found, "workers_0_tracking_percent", "% of step time", at_most=2.0, note=note)
    note = "to the first five steps told, in process"
    yield measured_row("start of a run", found, "workers_0_first_step_s", "s", at_most=10.0, note=note)
    for count in effort.workers:
        rate = found.values.get(f"workers_{count}_steps_per_s")
        ratio = None if here is None or not rate else rate / here
        note = f"not available: {found.failure}" if found.failure else f"of the steps a second in process ({here:.2f})"
        least = 0.97 if count == 1 else None
        title = f"steps/s on {count} Ray worker{'s' if count > 1 else ''}"
        yield plain_row(title, ratio, "x", at_least=least, note=note, details=found.values)
    note = "the same, with Ray started for it"
    yield measured_row("start of a run on Ray", found, "workers_1_first_step_s", "s", at_most=10.0, note=note)


def demo_rows(effort: Effort, recordings: str | None) -> Iterator[BenchRow]:
    """Peak memory of all the demo's stages."""
    options = {
        "recordings": recordings,
        "num_clips": effort.synthetic_clips,
        "max_cpu_seconds": effort.demo_cpu_seconds,
    }
    found = measure("demo_run", options, timeout_s=effort.timeout_s)
    note = f"a training of {effort.demo_cpu_seconds:.0f} CPU-s; memory does not grow with it"
    figures = {**found.values, **({"peak_gb": found.peak_gb} if found.values and found.peak_gb else {})}
    found = Measurement(values=figures, peak_gb=found.peak_gb, failure=found.failure)
    yield measured_row("demo: peak memory", found, "peak_gb", "GB", at_most=6.0, note=note)


def measured_row(
    title: str,
    found: Measurement,
    key: str,
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
) -> BenchRow:
    """A row of what a measurement found under ``key``, or why it found nothing."""
    if found.failure:
        note = f"not available: {found.failure}"
    value = found.values.get(key)
    return plain_row(title, value, unit, at_least=at_least, at_most=at_most, note=note, details=found.values)


def plain_row(
    title: str,
    value: float | None,
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
    details: Mapping[str, float] | None = None,
) -> BenchRow:
    """A row of a value, or None where it was not had."""
    figure = Figure(title=title, measured=value, unit=unit, at_least=at_least, at_most=at_most, note=note)
    return BenchRow(figure, dict(details or {}))


def _gb(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} GB"


class Blank(dict[str, float]):
    """A figure that was not had is NaN in a note."""

    def __missing__(self, _: str) -> float:
        return math.nan
