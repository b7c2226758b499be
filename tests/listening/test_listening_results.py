"""The arithmetic of results against values that are known, and what is counted, rejected or pending."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from heard_voices import made, right_answer  # pyright: ignore[reportMissingImports]
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from clock_train.cli.main import run
from clock_train.listening.listening_test import ListeningKind, ListeningTest, Role, Trial, trials_of
from clock_train.listening.results import as_csv, binomial_p, mean_opinion, results_of
from clock_train.listening.votes import Vote


def votes_of(
    test: ListeningTest,
    listener: int,
    answer: Callable[[ListeningTest, Trial], str] = right_answer,
    *,
    heard: Callable[[Trial], bool] = lambda trial: True,
    until: int | None = None,
) -> list[Vote]:
    votes = []
    for trial in trials_of(test, listener)[:until]:
        said = answer(test, trial)
        gold_ok = said in trial.accepted if trial.role is Role.GOLD else None
        votes.append(
            Vote(
                session=f"s{listener}", listener=listener, trial=trial.number, role=trial.role,
                stimuli=tuple(each.id for each in trial.stimuli), answer=said, ms=1_000,
                plays=(1,) * len(trial.stimuli), heard=heard(trial), gold_ok=gold_ok, time_ms=5,
            )
        )  # fmt: skip
    return votes


def always(answer: str) -> Callable[[ListeningTest, Trial], str]:
    return lambda test, trial: answer


@pytest.fixture(scope="module")
def mos(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    return made(tmp_path_factory.mktemp("mos")).test


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    return made(tmp_path_factory.mktemp("ab"), ListeningKind.AB).test


@pytest.mark.parametrize(("right", "of"), [(15, 20), (18, 24), (21, 30), (27, 40), (39, 60), (61, 100)])
def test_the_least_that_is_significant_is_that_of_the_tables(right: int, of: int) -> None:
    assert binomial_p(right, of) < 0.05 <= binomial_p(right - 1, of)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_exact_p_is_scipys(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert binomial_p(first, first + second) == pytest.approx(expected, rel=1e-9)


def test_fifteen_of_twenty_by_hand() -> None:
    assert binomial_p(15, 20) == pytest.approx(0.041389, abs=1e-6)


def test_a_mean_opinion_is_the_mean_of_listeners_and_its_interval_students() -> None:
    opinion = mean_opinion({1: [4, 4], 2: [3], 3: [5, 4, 3]})
    assert opinion.mos == pytest.approx(11 / 3)
    spread = math.sqrt(((4 - 11 / 3) ** 2 * 2 + (3 - 11 / 3) ** 2) / 2)
    assert opinion.ci95 == pytest.approx(float(t.ppf(0.975, 2)) * spread / math.sqrt(3))
    assert (opinion.num_votes, opinion.num_listeners) == (6, 3)


def test_one_listener_has_no_interval() -> None:
    assert mean_opinion({1: [1, 2]}).ci95 is None


@given(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=6), min_size=2, max_size=9))
def test_a_mean_opinion_lies_among_its_grades(grades: list[list[int]]) -> None:
    opinion = mean_opinion(dict(enumerate(grades)))
    assert min(map(min, grades)) - 1e-9 <= opinion.mos <= max(map(max, grades)) + 1e-9
    assert opinion.ci95 is not None and opinion.ci95 >= 0


def test_mean_opinions_of_careful_listeners(mos: ListeningTest) -> None:
    votes = [*votes_of(mos, 1), *votes_of(mos, 2)]
    results = results_of(mos, votes)
    assert {system: each.mos for system, each in results.opinions.items()} == {"natural": 5, "anna": 4, "boris": 2}
    assert results.metrics() == {
        "n_votes": 26, "n_rejected": 0, "mos/natural": 5, "mos_ci95/natural": 0, "mos/anna": 4, "mos_ci95/anna": 0,
        "mos/boris": 2, "mos_ci95/boris": 0,
    }  # fmt: skip
    assert (results.num_counted, results.num_finished, results.repeats_steady) == (18, 2, 1.0)


def test_a_session_with_a_gold_trial_missed_counts_for_nothing(mos: ListeningTest) -> None:
    votes = [*votes_of(mos, 1), *votes_of(mos, 2, always("5"))]
    results = results_of(mos, votes)
    assert (results.num_votes, results.num_counted, results.num_rejected, results.gold_missed) == (26, 9, 13, (2,))
    assert results.opinions["boris"].mos == 2


def test_a_session_is_pending_until_its_gold_trials_are_answered(mos: ListeningTest) -> None:
    last_gold = max(trial.number for trial in trials_of(mos, 1) if trial.role is Role.GOLD)
    before = results_of(mos, votes_of(mos, 1, until=last_gold))
    after = results_of(mos, votes_of(mos, 1, until=last_gold + 1))
    assert before.num_counted == 0 and before.num_pending == before.num_votes > 0 and before.opinions == {}
    assert after.num_pending == 0 and after.num_finished == 0


def test_a_vote_whose_sound_was_not_heard_to_its_end_is_rejected_alone(mos: ListeningTest) -> None:
    rated = next(trial.number for trial in trials_of(mos, 1) if trial.role is Role.RATED)
    results = results_of(mos, votes_of(mos, 1, heard=lambda trial: trial.number != rated))
    assert (results.num_rejected, results.num_counted) == (1, 8)


def test_no_votes_are_no_figures(mos: ListeningTest, pairs: ListeningTest) -> None:
    assert results_of(mos, []).metrics() == {"n_votes": 0, "n_rejected": 0}
    assert "preference" not in results_of(pairs, []).metrics()


def test_a_preference_follows_the_system_and_not_the_side(pairs: ListeningTest) -> None:
    preference = results_of(pairs, [vote for n in (1, 2, 3, 4) for vote in votes_of(pairs, n)]).preference
    assert preference is not None
    assert (preference.first, preference.second, preference.share) == (24, 0, 1.0)
    assert preference.p_value == pytest.approx(2 / 2**24)
    assert (preference.listeners_first, preference.listeners_p_value) == (4, 0.125)


def test_who_always_says_a_prefers_neither_or_is_caught(pairs: ListeningTest) -> None:
    results = results_of(pairs, [vote for n in (1, 2, 3, 4) for vote in votes_of(pairs, n, always("a"))])
    assert results.preference is not None
    assert results.preference.first == results.preference.second


def test_ties_are_counted_apart(pairs: ListeningTest) -> None:
    def answer(test: ListeningTest, trial: Trial) -> str:
        return right_answer(test, trial) if trial.role is Role.GOLD else "none"

    preference = results_of(pairs, votes_of(pairs, 1, answer)).preference
    assert preference is not None
    assert (preference.neither, preference.share, preference.p_value) == (6, None, 1.0)


@pytest.mark.parametrize("kind", ["mos", "pairs"])
def test_the_csv_has_every_vote_with_what_became_of_it(kind: str, request: pytest.FixtureRequest) -> None:
    test: ListeningTest = request.getfixturevalue(kind)
    votes = [*votes_of(test, 1), *votes_of(test, 2, always(test.answers[0]))]
    rows = list(csv.DictReader(io.StringIO(as_csv(test, votes))))
    assert len(rows) == len(votes)
    assert [row["answer"] for row in rows] == [vote.answer for vote in votes]
    if kind == "mos":
        assert {(row["rating_stimulus"], row["rating_score"]) for row in rows if row["counted"] == "counted"} >= {
            ("anna", "4"), ("boris", "2"), ("natural", "5"),
        }  # fmt: skip
    else:
        assert {row["choice_answer"] for row in rows if row["role"] == "rated" and row["listener"] == "1"} == {"anna"}


def told(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run([*arguments]) == 0
    return capsys.readouterr().out


def test_the_command_line_makes_a_test_and_tells_its_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path)
    anna, boris = str(tmp_path / "anna"), f"other={tmp_path / 'boris'}"
    where = [
        "--evaluation",
        anna,
        "--evaluation",
        boris,
        "--out",
        str(tmp_path / "again"),
        "--url",
        "https://x.example/",
    ]
    done = json.loads(told(["listen", "make", *where, "--kind", "ab", "--listeners", "3", "--json"], capsys))
    assert done["systems"] == ["anna", "other"] and len(done["links"]) == 3
    assert all(link.startswith("https://x.example/listen/") for link in done["links"])
    folder = str(tmp_path / "again")
    assert json.loads(told(["listen", "results", folder, "--json"], capsys))["votes"] == 0
    assert told(["listen", "results", folder, "--csv"], capsys).startswith("session_test_id,")
    assert "0 votes of 0 listeners" in told(["listen", "results", folder], capsys)
    assert "links" not in told(["listen", "results", str(tmp_path / "test")], capsys)
