"""Teacher, distilled student and the same student without a teacher, side by side: figures, targets and plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clock_train.evaluation import figures
from clock_train.evaluation.better_row import better_row
from clock_train.evaluation.figures import ALL_STYLES, EvaluationReport, Metric, Row, Subject
from clock_train.evaluation.targets import Figure

TEACHER, DISTILLED, PLAIN = "teacher", "distilled", "plain"
TITLES = {TEACHER: "Teacher", DISTILLED: "Distilled student", PLAIN: "Student without a teacher"}
JUDGED = (
    figures.SIMILARITY,
    figures.WORD_ERRORS,
    figures.PHONE_ERRORS,
    figures.MCD_WARPED,
    figures.F0,
    figures.DURATION,
    figures.DNSMOS_OVERALL,
)
MOST_PARAMETERS_M, LEAST_SPEED_UP = 5.5, 4.0
MOST_WORD_ERRORS = 0.5
"""Above this share of wrong words nobody would call speech intelligible."""


@dataclass(frozen=True, kw_only=True)
class ComparedVoice:
    """One of the three, measured."""

    parameters: int
    """Stored for synthesis: a teacher with its speaker encoder, a student with its stored vectors."""
    parameters_without_speaker: int
    """The same without either."""
    weights_bytes: int
    bundle_bytes: int
    """Of the exported bundle, float32."""
    onnx_rtf: float
    """CPU seconds for a second of speech, ONNX Runtime, one thread."""
    torch_rtf: float
    batched_audio_s_per_cpu_s: float
    """Seconds of speech for a second of CPU, PyTorch on one thread, several sentences at once."""
    steps: int
    report: EvaluationReport


@dataclass(frozen=True, kw_only=True)
class VoiceComparison:
    """All three by their names, on the same sentences."""

    voices: Mapping[str, ComparedVoice]
    facts: Mapping[str, str]
    """How they were trained, and on what."""

    @property
    def speed_up(self) -> float:
        """How many times as fast as its teacher the distilled student is in ONNX Runtime."""
        return self.voices[TEACHER].onnx_rtf / self.voices[DISTILLED].onnx_rtf

    @property
    def targets(self) -> list[Figure]:
        """What a student has to reach."""
        student = self.voices[DISTILLED]
        return [
            Figure(
                title="Parameters of the student", measured=student.parameters / 1e6, unit="M",
                at_most=MOST_PARAMETERS_M, note=f"its teacher: {self.voices[TEACHER].parameters / 1e6:.1f} M",
            ),
            Figure(
                title="Student over teacher, ONNX Runtime on one thread", measured=self.speed_up,
                unit="times as fast", at_least=LEAST_SPEED_UP, note="CPU time, the three in turn in one run",
            ),
        ]  # fmt: skip

    def size_rows(self) -> list[tuple[str, list[str]]]:
        """Title and a text for each voice, of what needs no judge."""
        shown: list[tuple[str, list[str]]] = []

        def add(title: str, texts: Sequence[str]) -> None:
            shown.append((title, list(texts)))

        voices = list(self.voices.values())
        add("Parameters stored for synthesis", [f"{each.parameters / 1e6:.2f} M" for each in voices])
        add(
            "… without speaker encoder or vector", [f"{each.parameters_without_speaker / 1e6:.2f} M" for each in voices]
        )
        add("Weights on disk", [f"{each.weights_bytes / 1e6:.1f} MB" for each in voices])
        add("Bundle on disk (float32)", [f"{each.bundle_bytes / 1e6:.1f} MB" for each in voices])
        add("CPU time for a second of speech, ONNX Runtime, one thread", [f"{each.onnx_rtf:.4f} s" for each in voices])
        add("… PyTorch, one thread", [f"{each.torch_rtf:.4f} s" for each in voices])
        add(
            "Speech for a second of CPU, PyTorch, eight sentences at once",
            [f"{each.batched_audio_s_per_cpu_s:.1f} s" for each in voices],
        )
        add("Training steps", [str(each.steps) for each in voices])
        return shown

    def judged_rows(self) -> list[tuple[Metric, list[Row | None], str]]:
        """Metric, a row for each voice, and which student is better beyond chance (or nothing)."""
        rows = []
        for metric in JUDGED:
            found = [each.report.row(metric, Subject.SPEECH, ALL_STYLES) for each in self.voices.values()]
            if any(row is not None and row.value is not None for row in found):
                names = list(self.voices)
                students = (DISTILLED, PLAIN)
                better = better_row(metric, *(found[names.index(name)] for name in students))
                rows.append((metric, found, "" if better is None else students[better]))
        return rows

    def statement(self) -> list[str]:
        """What the figures mean, in plain words."""
        said = []
        heard = self.voices[TEACHER].report.row(figures.WORD_ERRORS, Subject.SPEECH)
        natural = self.voices[TEACHER].report.row(figures.WORD_ERRORS, Subject.NATURAL)
        if heard is not None and heard.value is not None:
            recorded = "" if natural is None or natural.value is None else f", of the recordings {natural.value:.2f}"
            if heard.value > MOST_WORD_ERRORS:
                said.append(
                    f"The teacher itself is NOT intelligible: {heard.value:.2f} of its words are heard wrong"
                    f"{recorded}. What follows shows that the machinery works and what it costs; how much a good "
                    "teacher gives is shown by running the same command on one."
                )
            else:
                said.append(f"{heard.value:.2f} of the teacher's words are heard wrong{recorded}.")
        decided = {metric.title: better for metric, _, better in self.judged_rows() if better}
        names = {DISTILLED: "with the teacher", PLAIN: "without one"}
        parts = [f"{title.lower()} {names[better]}" for title, better in decided.items()]
        said.append(
            f"Student with and without teacher, better beyond the 95 % intervals: {'; '.join(parts)}."
            if parts
            else "No figure tells the student with a teacher from the one without beyond the 95 % intervals."
        )
        missed = [figure for figure in self.targets if not figure.is_met]
        said += [f"Missed: {figure.title.lower()}, {figure.measured:.2f} {figure.unit}." for figure in missed]
        return said


def as_markdown(comparison: VoiceComparison) -> str:
    """The report as a page of Markdown."""
    titles = [TITLES[name] for name in comparison.voices]
    lines = ["# Teacher and students", "", *(f"{text}\n" for text in comparison.statement())]
    lines += ["| | " + " | ".join(titles) + " |", "|---|" + "---|" * len(titles)]
    lines += [f"| {title} | {' | '.join(texts)} |" for title, texts in comparison.size_rows()]
    for metric, rows, better in comparison.judged_rows():
        mark = f" ({TITLES[better].lower()} better)" if better else ""
        lines.append(f"| {metric.title}, {metric.unit}{mark} | {' | '.join(map(_cell, rows))} |")
    lines += ["", "| target | measured | wanted | |", "|---|---|---|---|"]
    lines += [
        f"| {figure.title} | {figure.measured:.2f} {figure.unit} | {_wanted(figure)} | "
        f"{'met' if figure.is_met else 'missed'} |"
        for figure in comparison.targets
    ]
    lines += ["", *(f"- {name}: {value}" for name, value in comparison.facts.items())]
    return "\n".join(lines) + "\n"


def as_plain(comparison: VoiceComparison) -> dict[str, object]:
    """The report for scripts."""
    sizes = (
        "parameters", "parameters_without_speaker", "weights_bytes", "bundle_bytes", "onnx_rtf", "torch_rtf",
        "batched_audio_s_per_cpu_s", "steps",
    )  # fmt: skip
    return {
        "voices": {
            name: {**{size: getattr(each, size) for size in sizes}, "figures": each.report.values()}
            for name, each in comparison.voices.items()
        },
        "targets": [
            {"title": f.title, "measured": f.measured, "atLeast": f.at_least, "atMost": f.at_most, "met": f.is_met}
            for f in comparison.targets
        ],
        "better": {metric.name: better for metric, _, better in comparison.judged_rows() if better},
        "statement": comparison.statement(),
        "facts": dict(comparison.facts),
    }


def _cell(row: Row | None) -> str:
    if row is None or row.value is None:
        return "–"
    interval = "" if row.low is None or row.high is None else f" ({row.low:.3f} to {row.high:.3f})"
    return f"{row.value:.3f}{interval}"


def _wanted(figure: Figure) -> str:
    return f"≥ {figure.at_least:g}" if figure.at_least is not None else f"≤ {figure.at_most:g}"
