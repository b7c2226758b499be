"""The figures of an evaluation: what they are called, and the report that holds them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from clock_train.errors import ReportDamaged
from clock_train.evaluation.bootstrap import Statistic
from clock_train.evaluation.judge_speed import JudgeSpeed

SCHEMA_VERSION = 1
ALL_STYLES = "all"


class Subject(StrEnum):
    """Whose sound a figure is about."""

    SPEECH = "speech"
    """Made from text."""
    RESYNTHESIS = "resynthesis"
    """The recording through the autoencoder: what the vocoder alone loses."""
    NATURAL = "natural"
    """The recording itself."""
    ALIGNMENT = "alignment"
    """Where the model places the words of the recording."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measure: what it is called, its unit, and which way is better."""

    name: str
    title: str
    unit: str
    better: str
    """``higher``, ``lower``, or ``near 1``."""
    statistic: Statistic = Statistic.MEAN


SIMILARITY = Metric(name="speaker_similarity", title="Speaker similarity", unit="cosine", better="higher")
WORD_ERRORS = Metric(name="word_error_rate", title="Word error rate", unit="errors a word", better="lower")
MISMATCH = Metric(name="mismatch_ratio", title="Mel distance, right over wrong sentences", unit="ratio", better="lower")
MEL = Metric(name="mel_distance", title="Mel distance, warped", unit="ln", better="lower")
MCD_WARPED = Metric(name="mcd_warped", title="Mel-cepstral distortion, warped", unit="dB", better="lower")
MCD_PLAIN = Metric(name="mcd_plain", title="Mel-cepstral distortion, frame by frame", unit="dB", better="lower")
F0 = Metric(name="log_f0_rmse", title="Melody error", unit="ln Hz", better="lower")
VOICING = Metric(name="voicing_error", title="Voicing error", unit="share of frames", better="lower")
DURATION = Metric(name="duration_ratio", title="Duration over the recording's", unit="ratio", better="near 1")
WORD_STARTS = Metric(
    name="word_starts_within_50_ms", title="Word starts within 50 ms", unit="share of words", better="higher"
)
WORD_START_MEDIAN = Metric(
    name="word_start_error", title="Word start error, median", unit="s", better="lower", statistic=Statistic.MEDIAN
)
PHONE_ERRORS = Metric(name="phone_error_rate", title="Phone error rate", unit="errors a phone", better="lower")
SYNTHETIC_PHONE_ERRORS = Metric(
    name="synthetic_phone_error_rate",
    title="Phone error rate by a judge that only heard synthetic speech",
    unit="errors a phone",
    better="lower",
)
"""Its judge learnt from another synthesiser, so it says how like that one this voice is: no target may name it."""
DNSMOS_OVERALL = Metric(name="dnsmos_overall", title="DNSMOS, overall", unit="of 5", better="higher")
DNSMOS_SIGNAL = Metric(name="dnsmos_signal", title="DNSMOS, speech", unit="of 5", better="higher")
DNSMOS_BACKGROUND = Metric(name="dnsmos_background", title="DNSMOS, background", unit="of 5", better="higher")
REAL_TIME = Metric(
    name="real_time_factor", title="CPU time for speech, one thread", unit="s a second of speech", better="lower"
)
METRICS = {
    metric.name: metric
    for metric in (
        SIMILARITY,
        WORD_ERRORS,
        MISMATCH,
        MEL,
        MCD_WARPED,
        MCD_PLAIN,
        F0,
        VOICING,
        DURATION,
        WORD_STARTS,
        WORD_START_MEDIAN,
        PHONE_ERRORS,
        SYNTHETIC_PHONE_ERRORS,
        DNSMOS_OVERALL,
        DNSMOS_SIGNAL,
        DNSMOS_BACKGROUND,
        REAL_TIME,
    )
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of the table. Without a value, ``unavailable`` says why: a row is never left out."""

    metric: str
    subject: Subject
    style: str = ALL_STYLES
    value: float | None = None
    low: float | None = None
    """Of the 95 % interval, as ``high``."""
    high: float | None = None
    num_items: int = 0
    num_failed: int = 0
    """Items without a score; ``EvaluationReport.failures`` says why."""
    floor: float | None = None
    """What something unrelated scores: another speaker, another sentence."""
    ceiling: float | None = None
    """What the speaker's own recordings score."""
    unavailable: str | None = None
    """Why there is no value; beside a value: why some sentences (of another language) have no part in it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One item that a judge could not score."""

    item: str
    metric: str
    subject: Subject
    reason: str


@dataclass(frozen=True, kw_only=True)
class ItemScores:
    """The scores of one sentence, by ``metric/subject``, and what the recogniser heard by subject."""

    id: str
    text: str
    style: str | None
    language: str
    scores: dict[str, float]
    heard: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """Everything measured in one evaluation; equal again after a round trip through JSON."""

    rows: tuple[Row, ...]
    items: tuple[ItemScores, ...]
    failures: tuple[Failure, ...]
    seed: int
    speeds: tuple[JudgeSpeed, ...] = dataclasses.field(default=(), compare=False)
    """How fast the judges were here: of the machine, so two reports may differ in it and be equal."""

    def row(self, metric: Metric | str, subject: Subject | str, style: str = ALL_STYLES) -> Row | None:
        """The row of a metric and subject, or none where there is no such row."""
        name = metric.name if isinstance(metric, Metric) else metric
        wanted = (name, Subject(subject), style)
        return next((row for row in self.rows if (row.metric, row.subject, row.style) == wanted), None)

    def values(self) -> dict[str, float]:
        """Every figure that has a value, by ``metric/subject`` or ``metric/subject/style``."""
        return {
            "/".join([row.metric, row.subject.value, *([row.style] if row.style != ALL_STYLES else [])]): row.value
            for row in self.rows
            if row.value is not None
        }

    def to_json(self) -> str:
        """Sorted keys, so that equal reports are equal text."""
        content = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, content: str) -> EvaluationReport:
        """Read what ``to_json`` wrote.

        Raises:
            ReportDamaged: the text is no report of this schema version.
        """
        try:
            parsed: dict[str, Any] = json.loads(content)
            if parsed["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema version {parsed['schema_version']!r} is not {SCHEMA_VERSION}")
            rows = tuple(Row(**{**row, "subject": Subject(row["subject"])}) for row in parsed["rows"])
            items = tuple(ItemScores(**item) for item in parsed["items"])
            failures = tuple(Failure(**{**item, "subject": Subject(item["subject"])}) for item in parsed["failures"])
            speeds = tuple(JudgeSpeed(**speed) for speed in parsed.get("speeds", ()))
            return cls(rows=rows, items=items, failures=failures, seed=parsed["seed"], speeds=speeds)
        except (ValueError, KeyError, TypeError) as cause:
            raise ReportDamaged(f"the text is no evaluation report ({cause}). Run the evaluation again.") from cause

    def write(self, path: Path) -> None:
        """Save as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_json(), encoding="utf-8")
