"""The table of several systems: who is best, who differs from the first, what the recordings score, and names."""

from __future__ import annotations

from pathlib import Path

from clock_train.evaluation.figures import (
    DURATION,
    MEL,
    SIMILARITY,
    WORD_ERRORS,
    EvaluationReport,
    Failure,
    Metric,
    Row,
    Subject,
)
from clock_train.evaluation.leaderboard import Entrant, Leaderboard, names_of


def row(metric: Metric, value: float | None, low: float = 0.0, high: float = 9.0, **more: object) -> Row:
    return Row(metric=metric.name, subject=Subject.SPEECH, value=value, low=low, high=high, num_items=4, **more)  # type: ignore[arg-type]


def entrant(name: str, *rows: Row, failures: tuple[Failure, ...] = ()) -> Entrant:
    return Entrant(name=name, report=EvaluationReport(rows=rows, items=(), failures=failures, seed=0))


NATURAL = Row(metric=WORD_ERRORS.name, subject=Subject.NATURAL, value=0.19)
OURS = entrant(
    "ours", row(SIMILARITY, 0.8, 0.78, 0.82, ceiling=0.88), row(WORD_ERRORS, 0.5, 0.4, 0.6), row(DURATION, 1.2), NATURAL
)
THEIRS = entrant("theirs", row(SIMILARITY, 0.7, 0.65, 0.75), row(WORD_ERRORS, 0.45, 0.35, 0.55), row(DURATION, 0.9))
BOARD = Leaderboard(entrants=[OURS, THEIRS])


def test_columns_are_those_that_a_judge_filled() -> None:
    assert BOARD.columns == [SIMILARITY, WORD_ERRORS, DURATION]


def test_the_best_goes_by_each_metrics_own_direction() -> None:
    assert BOARD.best(SIMILARITY) is OURS
    assert BOARD.best(WORD_ERRORS) is THEIRS
    assert BOARD.best(DURATION) is THEIRS
    assert BOARD.best(MEL) is None


def test_only_what_lies_beyond_the_intervals_is_called_better_or_worse() -> None:
    assert BOARD.against_first(THEIRS, SIMILARITY) == "worse"
    assert BOARD.against_first(THEIRS, WORD_ERRORS) == ""
    assert BOARD.against_first(OURS, SIMILARITY) == ""
    assert Leaderboard(entrants=[THEIRS, OURS]).against_first(OURS, SIMILARITY) == "better"


def test_the_recordings_score_what_was_measured_or_the_ceiling() -> None:
    assert BOARD.recordings(WORD_ERRORS) == 0.19
    assert BOARD.recordings(SIMILARITY) == 0.88
    assert BOARD.recordings(DURATION) is None


def test_sentences_without_a_sound_are_counted_once() -> None:
    failures = tuple(
        Failure(item="s1", metric=metric.name, subject=Subject.SPEECH, reason="no file") for metric in (MEL, SIMILARITY)
    )
    assert entrant("late", failures=failures).num_missing == 1
    plain = Leaderboard(entrants=[OURS, entrant("late", failures=failures)]).as_json()
    assert plain["systems"][1]["missing"] == 1  # type: ignore[index]
    assert plain["systems"][1]["figures"]["speaker_similarity"] == {"value": None}  # type: ignore[index]


def test_folders_are_named_by_what_tells_them_apart() -> None:
    assert names_of([Path("/a/ours"), Path("/b/theirs")]) == ["ours", "theirs"]
    assert names_of([Path("/a/x/wavs"), Path("/a/y/wavs"), Path("/b/other")]) == ["x/wavs", "y/wavs", "other"]
    assert names_of([Path("/a/one/voice"), Path("/a/two/held-out")]) == ["one/voice", "two/held-out"]
    assert names_of([Path("/same"), Path("/same")]) == ["same", "same (2)"]
