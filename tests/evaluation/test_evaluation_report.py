"""The report: every metric has a row, with a figure or with the reason why there is none."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_signals import noise, stretched, voice

from clock_train.errors import EvaluationError, ReportDamaged
from clock_train.evaluation import dnsmos, figures, forced_alignment, recogniser, speaker_similarity
from clock_train.evaluation.bootstrap import Score, Statistic, estimate
from clock_train.evaluation.figures import ALL_STYLES, METRICS, EvaluationReport, Row, Subject
from clock_train.evaluation.report import ROWS, evaluate
from clock_train.evaluation.scores import EvaluationItem
from clock_train.evaluation.targets import Target
from clock_train.evaluation.targets import figures as figure_table

SENTENCES = (("01234", "one two three"), ("4213", "please try again"), ("20341", "what is your name"))
STYLES = ("statement", "statement", "question")


SECONDS = 1.0


def items(language: str = "en") -> list[EvaluationItem]:
    """Three sentences; the recogniser, the slowest judge, is asked only in English."""
    return [
        EvaluationItem(
            id=f"clip-{index}",
            text=text,
            style=style,
            language=language,
            natural=voice(vowels, seconds=SECONDS),
            generated=stretched(voice(vowels, seconds=SECONDS, seed=7) + noise(SECONDS, level=0.003), 1.1),
            resynthesis=voice(vowels, seconds=SECONDS, seed=9),
        )
        for index, ((vowels, text), style) in enumerate(zip(SENTENCES, STYLES, strict=True))
    ]


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    return evaluate(items(), impostors=[voice(f0_hz=230, tract=1.18)])


def value(report: EvaluationReport, metric: figures.Metric, subject: Subject, style: str = ALL_STYLES) -> float:
    row = report.row(metric, subject, style)
    assert row is not None
    assert row.value is not None, row.unavailable
    return row.value


def test_every_metric_has_a_row_and_every_empty_one_a_reason(report: EvaluationReport) -> None:
    for metric, subject in ROWS:
        row = report.row(metric, subject)
        assert row is not None
        assert (row.value is None) == bool(row.unavailable)
    # the synthetic judge has rows only where it was brought
    assert {row.metric for row in report.rows} == set(METRICS) - {figures.SYNTHETIC_PHONE_ERRORS.name}


def test_the_resynthesis_is_nearer_than_the_speech(report: EvaluationReport) -> None:
    for metric in (figures.MEL, figures.MCD_WARPED, figures.F0):
        assert value(report, metric, Subject.RESYNTHESIS) < value(report, metric, Subject.SPEECH)
    assert value(report, figures.DURATION, Subject.SPEECH) == pytest.approx(1.1, abs=0.01)
    assert value(report, figures.F0, Subject.SPEECH) == pytest.approx(np.log(1.1), abs=0.03)


def test_similarity_lies_beside_its_floor_and_ceiling(report: EvaluationReport) -> None:
    row = report.row(figures.SIMILARITY, Subject.RESYNTHESIS)
    assert row is not None
    assert row.floor is not None
    assert row.ceiling is not None
    assert row.floor < row.ceiling <= 1.0


def test_each_style_has_rows_of_its_own(report: EvaluationReport) -> None:
    assert {row.style for row in report.rows} == {ALL_STYLES, "question", "statement"}
    row = report.row(figures.MEL, Subject.SPEECH, "question")
    assert row is not None
    assert (row.num_items, row.low) == (1, None)
    assert row.value == pytest.approx(report.items[2].scores["mel_distance/speech"])


def test_a_report_survives_json(report: EvaluationReport, tmp_path: Path) -> None:
    report.write(tmp_path / "deep" / "report.json")
    assert EvaluationReport.from_json((tmp_path / "deep" / "report.json").read_text(encoding="utf-8")) == report


def test_the_same_items_give_the_same_report() -> None:
    assert evaluate(items("zh"), seed=5) == evaluate(items("zh"), seed=5)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"schema_version": 2}', '{"schema_version": 1, "rows": [{"metric": "x"}]}']
)
def test_a_damaged_report_is_refused(content: str) -> None:
    with pytest.raises(ReportDamaged, match=r"is no evaluation report .* Run the evaluation again"):
        EvaluationReport.from_json(content)


def test_missing_judges_are_rows_that_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("resemblyzer", "resemblyzer.audio", "pocketsphinx", "speechmos"):
        monkeypatch.setitem(sys.modules, name, None)
    for cached in (speaker_similarity.load, recogniser.load, dnsmos.load, forced_alignment._decoder):
        cached.cache_clear()
    words = (forced_alignment.WordTiming(index=0, word="one", start_s=0, end_s=1),)
    report = evaluate([replace(item, words=words) for item in items()])
    missing = [(figures.SIMILARITY, Subject.SPEECH), (figures.WORD_ERRORS, Subject.NATURAL)]
    missing += [(figures.DNSMOS_OVERALL, Subject.SPEECH), (figures.DNSMOS_BACKGROUND, Subject.NATURAL)]
    for metric, subject in [*missing, (figures.WORD_START_MEDIAN, Subject.ALIGNMENT)]:
        row = report.row(metric, subject)
        assert row is not None
        assert row.value is None
        assert "JudgeMissing" in (row.unavailable or "")
        assert "uv sync --extra judge" in (row.unavailable or "")
    assert value(report, figures.MEL, Subject.SPEECH) > 0


def test_a_language_without_recogniser_is_said_in_the_row() -> None:
    report = evaluate(items("zh"))
    row = report.row(figures.WORD_ERRORS, Subject.SPEECH)
    assert row is not None
    assert row.value is None
    assert "know en, not 'zh'" in (row.unavailable or "")


def test_sentences_of_another_language_are_counted_and_explained_beside_the_figure() -> None:
    row = evaluate([*items("zh")[:2], items()[2]]).row(figures.WORD_ERRORS, Subject.SPEECH)
    assert row is not None
    assert (row.num_items, row.num_failed) == (1, 2)
    assert "not 'zh'" in (row.unavailable or "")


def test_what_was_not_given_is_said() -> None:
    report = evaluate([replace(items("zh")[0], resynthesis=None, style=None)])
    reasons = {
        (row.metric, row.subject): row.unavailable for row in report.rows if row.value is None and row.unavailable
    }
    assert reasons["mel_distance", Subject.RESYNTHESIS] == "no resynthesis was given"
    assert reasons["word_start_error", Subject.ALIGNMENT] == "the model's word times were not given"
    assert reasons["mismatch_ratio", Subject.SPEECH] == "it takes at least two different sentences"


def test_silence_scores_worst_instead_of_being_left_out() -> None:
    report = evaluate([replace(items()[0], generated=np.zeros(16_000, dtype=np.float32)), *items("zh")[1:]])
    assert report.items[0].scores["speaker_similarity/speech"] == 0.0
    assert report.items[0].scores["word_error_rate/speech"] == 1.0
    assert ("clip-0", "mel_distance") in {(failure.item, failure.metric) for failure in report.failures}
    row = report.row(figures.MEL, Subject.SPEECH)
    assert row is not None
    assert (row.num_items, row.num_failed) == (2, 1)


def test_a_silent_impostor_is_a_failure_and_not_a_floor() -> None:
    report = evaluate(items("zh")[:2], impostors=[np.zeros(16_000, dtype=np.float32)])
    assert [failure.item for failure in report.failures] == ["impostor 0"]


def test_progress_reaches_its_end() -> None:
    seen = []
    evaluate(items("zh")[:2], on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_nothing_to_evaluate_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"nothing to evaluate\. Keep at least one"):
        evaluate([])
    with pytest.raises(EvaluationError, match="two items have the same id"):
        evaluate([items()[0], items()[0]])


def test_targets_are_met_missed_or_not_measured() -> None:
    rows = (
        Row(metric="speaker_similarity", subject=Subject.SPEECH, value=0.7, low=0.6, high=0.8, num_items=3, floor=0.5),
        Row(metric="mismatch_ratio", subject=Subject.SPEECH, value=0.9, num_items=3),
        Row(metric="word_error_rate", subject=Subject.SPEECH, unavailable="no recogniser"),
    )
    targets = (
        Target(metric="speaker_similarity", subject=Subject.SPEECH, at_least=0.64),
        Target(metric="mismatch_ratio", subject=Subject.SPEECH, at_most=0.75),
        Target(metric="speaker_similarity", subject=Subject.RESYNTHESIS, at_least=0.9),
    )
    table = figure_table(EvaluationReport(rows=rows, items=(), failures=(), seed=0), targets)
    assert [figure.is_met for figure in table] == [True, False, False, None]
    assert table[0].note == "95 % interval 0.600 to 0.800, floor 0.500"
    assert table[2].note == "not available: not measured"
    assert table[3].note == "not available: no recogniser"


def test_a_mean_weighs_utterances_by_their_words() -> None:
    scores = [Score.of(0.0, weight=9), Score.of(1.0, weight=1)]
    result = estimate(scores, Statistic.MEAN, seed=0)
    assert result is not None
    assert (result.value, result.low) == (pytest.approx(0.1), None)


def test_an_interval_holds_the_mean_and_shrinks_with_more_utterances() -> None:
    generator = np.random.default_rng(3)
    widths = []
    for count in (8, 128):
        scores = [Score.of(sample) for sample in generator.normal(1.0, 0.2, count)]
        result = estimate(scores, Statistic.MEAN, seed=0)
        assert result is not None
        assert result.low is not None
        assert result.high is not None
        assert result.low < result.value < result.high
        widths.append(result.high - result.low)
    # by the square root of 16, give or take the two samples' own spread
    assert 2 < widths[0] / widths[1] < 8


def test_a_median_is_taken_over_all_words_and_nothing_has_no_estimate() -> None:
    result = estimate([Score(values=(1.0, 1.0, 5.0)), Score(values=(1.0, 9.0))], Statistic.MEDIAN, seed=0)
    assert result is not None
    assert result.value == 1.0
    assert estimate([Score(values=())], Statistic.MEAN, seed=0) is None


def test_the_json_is_plain_and_has_no_nan(report: EvaluationReport) -> None:
    parsed = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert parsed["rows"][0]["subject"] == "speech"
