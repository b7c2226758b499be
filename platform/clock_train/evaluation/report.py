"""Items in, report out: every metric with interval, floor and ceiling, over all sentences and for each style.

A metric that could not be measured has a row that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from clock_train.errors import EvaluationError
from clock_train.evaluation import figures
from clock_train.evaluation.bootstrap import Score, estimate
from clock_train.evaluation.figures import ALL_STYLES, EvaluationReport, ItemScores, Metric, Row, Subject
from clock_train.evaluation.scores import EvaluationItem, Scores, Scoring

if TYPE_CHECKING:
    from clock_train.evaluation.phone_recogniser import PhoneRecogniser
    from clock_train.evaluation.real_time_factor import RealTimeFactor

COMPARED = (
    figures.SIMILARITY,
    figures.WORD_ERRORS,
    figures.MISMATCH,
    figures.MEL,
    figures.MCD_WARPED,
    figures.MCD_PLAIN,
    figures.F0,
    figures.VOICING,
    figures.DURATION,
    figures.PHONE_ERRORS,
    figures.DNSMOS_OVERALL,
    figures.DNSMOS_SIGNAL,
    figures.DNSMOS_BACKGROUND,
)
ROWS: tuple[tuple[Metric, Subject], ...] = (
    *((metric, Subject.SPEECH) for metric in COMPARED),
    *((metric, Subject.RESYNTHESIS) for metric in COMPARED if metric is not figures.DURATION),
    *(
        (metric, Subject.NATURAL)
        for metric in (
            figures.WORD_ERRORS,
            figures.PHONE_ERRORS,
            figures.DNSMOS_OVERALL,
            figures.DNSMOS_SIGNAL,
            figures.DNSMOS_BACKGROUND,
        )
    ),
    (figures.WORD_STARTS, Subject.ALIGNMENT),
    (figures.WORD_START_MEDIAN, Subject.ALIGNMENT),
)
"""The table of every report, in order."""
OPINION_OF = {metric.name: figures.DNSMOS_OVERALL for metric in (figures.DNSMOS_SIGNAL, figures.DNSMOS_BACKGROUND)}
"""Three figures of one judge: what it says of the first is so for all."""
NO_RESYNTHESIS, NO_WORD_TIMES, NOT_TIMED = (
    "no resynthesis was given",
    "the model's word times were not given",
    "speaking was not timed",
)
"""Why a figure is not there that nothing was brought for: no judge is missing."""
NO_PHONE_JUDGE = (
    "no phone recogniser was brought; clocktrain evaluate trains one for languages without a word recogniser"
)


def evaluate(
    items: Sequence[EvaluationItem],
    *,
    impostors: Sequence[np.ndarray] = (),
    phone_judges: Mapping[str, PhoneRecogniser | str] | None = None,
    real_time: RealTimeFactor | None = None,
    more_rows: Sequence[Row] = (),
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> EvaluationReport:
    """Score generated speech against natural recordings that no training decision has seen.

    Args:
        items: sentences of one speaker, ids unique.
        impostors: recordings of other speakers, for the floor of the similarity.
        phone_judges: by language, a trained phone recogniser, or why there is none.
        real_time: what speaking cost, measured by whoever holds the voice.
        more_rows: figures of other sentences than these, such as those of a synthetic judge.
        seed: of the confidence intervals.
        on_progress: called with steps done and steps in all.
    Raises:
        EvaluationError: no item, or two of one id. A judge that is missing is a row, not an error.
    """
    if not items:
        raise EvaluationError("there is nothing to evaluate. Keep at least one sentence for the test split.")
    if len({item.id for item in items}) < len(items):
        raise EvaluationError("two items have the same id. Give each sentence its own.")
    scores = Scoring(items, impostors, phone_judges).run(on_progress)
    styles = sorted({item.style for item in items if item.style})
    rows = [_row(items, scores, metric, subject, style=ALL_STYLES, seed=seed) for metric, subject in ROWS]
    rows += [_real_time_row(real_time), *more_rows]
    for style in styles:
        chosen = [item for item in items if item.style == style]
        rows += [
            _row(chosen, scores, metric, subject, style=style, seed=seed)
            for metric, subject in ROWS
            if subject is Subject.SPEECH
        ]
    return EvaluationReport(
        rows=tuple(rows),
        items=tuple(_item_scores(item, scores) for item in items),
        failures=tuple(scores.failures),
        seed=seed,
        speeds=scores.speeds,
    )


def _row(
    items: Sequence[EvaluationItem], scores: Scores, metric: Metric, subject: Subject, *, style: str, seed: int
) -> Row:
    found = [score for item in items if (score := scores.by_item[item.id].get((metric.name, subject))) and score.values]
    result = estimate(found, metric.statistic, seed=seed)
    if result is None:
        reason = _why_not(items, scores, metric, subject)
        return Row(metric=metric.name, subject=subject, style=style, num_failed=len(items), unavailable=reason)
    is_natural = subject is Subject.NATURAL
    return Row(
        metric=metric.name,
        subject=subject,
        style=style,
        value=result.value,
        low=result.low,
        high=result.high,
        num_items=len(found),
        num_failed=len(items) - len(found),
        floor=_bound(scores.floors, metric),
        ceiling=None if is_natural else _bound(scores.ceilings, metric),
        unavailable=scores.missing.get(metric.name),
    )


def _real_time_row(real_time: RealTimeFactor | None) -> Row:
    measured = None if real_time is None else real_time.cpu
    reason = NOT_TIMED if real_time is None else None
    return Row(metric=figures.REAL_TIME.name, subject=Subject.SPEECH, value=measured, unavailable=reason)


def _why_not(items: Sequence[EvaluationItem], scores: Scores, metric: Metric, subject: Subject) -> str:
    if subject is Subject.RESYNTHESIS and all(item.resynthesis is None for item in items):
        return NO_RESYNTHESIS
    if subject is Subject.ALIGNMENT and all(item.words is None for item in items):
        return NO_WORD_TIMES
    # figures that come from one judge: what is missing is kept under the first
    judge = figures.WORD_STARTS if subject is Subject.ALIGNMENT else OPINION_OF.get(metric.name, metric)
    if judge.name in scores.missing:
        return scores.missing[judge.name]
    if metric is figures.PHONE_ERRORS:
        return NO_PHONE_JUDGE
    names = {item.id for item in items}
    for failure in scores.failures:
        if failure.item in names and failure.metric == judge.name:
            return failure.reason
    if metric is figures.MISMATCH and len({item.text for item in items}) < 2:
        return "it takes at least two different sentences"
    return "no sentence could be scored; see the failures"


def _bound(bounds: dict[str, list[Score]], metric: Metric) -> float | None:
    result = estimate(bounds.get(metric.name, []), metric.statistic, seed=0)
    return result.value if result else None


def _item_scores(item: EvaluationItem, scores: Scores) -> ItemScores:
    values = {
        f"{metric}/{subject.value}": float(np.mean(score.values))
        for (metric, subject), score in scores.by_item[item.id].items()
        if score.values
    }
    return ItemScores(
        id=item.id,
        text=item.text,
        style=item.style,
        language=item.language,
        scores=values,
        heard=scores.heard[item.id],
    )
