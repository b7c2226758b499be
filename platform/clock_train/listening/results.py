"""What listeners said, in numbers: mean opinions with an interval by listener, preferences with an exact test.

A session counts once its gold trials are answered, and answered rightly. Until then its votes are *pending*; with a
gold trial missed all of them are *rejected*, as is a vote whose sound was not played to the end. Nothing is deleted:
the CSV has every vote with what became of it. Repeats are not counted again, they say how steady listeners are.
Source: ITU-T P.800 (mean opinion score), P.808 (gold clips); exact binomial and sign test.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clock_train.listening.listening_test import (
    FIRST,
    NEITHER,
    ListeningKind,
    ListeningTest,
    Role,
    trials_of,
)
from clock_train.listening.votes import Vote

CONFIDENCE = 0.95
STEADY_WITHIN = 1
"""Grades between a rating and its repeat."""
SHARED_COLUMNS = ("session_test_id", "listener", "session_uuid", "trial_id")
MOS_COLUMNS = (*SHARED_COLUMNS, "rating_stimulus", "rating_score", "rating_time", "rating_comment")
PAIR_COLUMNS = (
    *SHARED_COLUMNS, "choice_reference", "choice_non_reference", "choice_answer", "choice_time", "choice_comment",
)  # fmt: skip
OWN_COLUMNS = ("role", "utterance", "stimuli", "answer", "ms", "plays", "heard", "gold_ok", "counted", "time_ms")


class Standing(StrEnum):
    """What became of a vote."""

    COUNTED = "counted"
    TRAINING = "training"
    PENDING = "pending"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class MeanOpinion:
    """Of one system."""

    mos: float
    """Mean of the listeners' means."""
    ci95: float | None
    """Half of the 95 % interval, Student's t over listeners; None of a single one."""
    num_votes: int
    num_listeners: int


@dataclass(frozen=True, kw_only=True)
class Preference:
    """Of two systems."""

    first: int
    second: int
    neither: int
    p_value: float
    """Two-sided exact binomial over votes, ties apart: right where votes are independent, as of one listener."""
    listeners_first: int
    listeners_second: int
    listeners_p_value: float
    """Two-sided sign test over listeners, by whom each preferred more often: right for several listeners."""

    @property
    def share(self) -> float | None:
        """Of votes that decided, for the first system."""
        decided = self.first + self.second
        return self.first / decided if decided else None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Of one test, so far."""

    num_votes: int
    """All but training."""
    num_counted: int
    """Rated ones of sessions that count."""
    num_rejected: int
    num_pending: int
    num_sessions: int
    num_finished: int
    gold_missed: tuple[int, ...]
    """Listeners."""
    repeats_steady: float | None
    """Share of repeats that were answered as before, within one grade."""
    opinions: Mapping[str, MeanOpinion]
    preference: Preference | None

    def metrics(self) -> dict[str, float]:
        """As MLflow gets them."""
        values: dict[str, float | None] = {"n_votes": self.num_votes, "n_rejected": self.num_rejected}
        for system, opinion in self.opinions.items():
            values |= {f"mos/{system}": opinion.mos, f"mos_ci95/{system}": opinion.ci95}
        if self.preference is not None:
            values |= {
                "preference": self.preference.share,
                "preference_p": self.preference.p_value,
                "preference_listeners_p": self.preference.listeners_p_value,
            }
        return {name: value for name, value in values.items() if value is not None}

    def as_plain(self, test: ListeningTest) -> dict[str, Any]:
        """For scripts."""
        plain: dict[str, Any] = {
            "test": test.id, "kind": test.kind.value, "systems": list(test.systems), "runs": list(test.run_ids),
            "listenersInvited": test.listeners, "sessions": self.num_sessions, "finished": self.num_finished,
            "votes": self.num_votes, "counted": self.num_counted, "rejected": self.num_rejected,
            "pending": self.num_pending, "goldMissed": list(self.gold_missed), "repeatsSteady": self.repeats_steady,
            "mos": {
                system: {"mos": each.mos, "ci95": each.ci95, "votes": each.num_votes, "listeners": each.num_listeners}
                for system, each in self.opinions.items()
            },
        }  # fmt: skip
        if self.preference is not None:
            given = self.preference
            plain["preference"] = {
                "first": test.systems[0], "second": test.systems[1], "share": given.share, "votesFirst": given.first,
                "votesSecond": given.second, "votesNeither": given.neither, "p": given.p_value,
                "listenersFirst": given.listeners_first, "listenersSecond": given.listeners_second,
                "listenersP": given.listeners_p_value,
            }  # fmt: skip
        return plain


def results_of(test: ListeningTest, votes: Sequence[Vote]) -> Results:
    """The numbers of all votes so far."""
    standings = standings_of(test, votes)
    judged = [vote for vote in votes if standings[vote.listener, vote.trial] is not Standing.TRAINING]
    counted = [vote for vote in judged if standings[vote.listener, vote.trial] is Standing.COUNTED]
    rated = [vote for vote in counted if vote.role is Role.RATED]
    per_listener: dict[int, int] = defaultdict(int)
    for vote in votes:
        per_listener[vote.listener] += 1
    return Results(
        num_votes=len(judged),
        num_counted=len(rated),
        num_rejected=sum(standings[vote.listener, vote.trial] is Standing.REJECTED for vote in judged),
        num_pending=sum(standings[vote.listener, vote.trial] is Standing.PENDING for vote in judged),
        num_sessions=len(per_listener),
        num_finished=sum(count >= len(trials_of(test, listener)) for listener, count in per_listener.items()),
        gold_missed=tuple(sorted({vote.listener for vote in votes if vote.gold_ok is False})),
        repeats_steady=_steady(test, counted),
        opinions=_opinions(test, rated) if test.kind is ListeningKind.MOS else {},
        preference=_preference(test, rated) if test.kind is ListeningKind.AB else None,
    )


def standings_of(test: ListeningTest, votes: Sequence[Vote]) -> dict[tuple[int, int], Standing]:
    """What became of each vote, by listener and trial."""
    golds: dict[int, list[bool]] = defaultdict(list)
    for vote in votes:
        if vote.gold_ok is not None:
            golds[vote.listener].append(vote.gold_ok and vote.heard)
    asked = {
        listener: sum(trial.role is Role.GOLD for trial in trials_of(test, listener))
        for listener in {vote.listener for vote in votes}
    }

    def standing(vote: Vote) -> Standing:
        if vote.role is Role.TRAINING:
            return Standing.TRAINING
        if not all(golds[vote.listener]) or not vote.heard:
            return Standing.REJECTED
        return Standing.COUNTED if len(golds[vote.listener]) == asked[vote.listener] else Standing.PENDING

    return {(vote.listener, vote.trial): standing(vote) for vote in votes}


def binomial_p(successes: int, trials: int) -> float:
    """Exact two-sided p of a fair coin; 1 of no trials."""
    extreme = max(successes, trials - successes)
    tail = sum(math.comb(trials, k) for k in range(extreme, trials + 1))
    return min(1.0, 2 * tail / 2**trials)


def mean_opinion(by_listener: Mapping[int, Sequence[int]]) -> MeanOpinion:
    """Mean over listeners, each as heavy as another, with the 95 % interval of Student's t.

    Args:
        by_listener: grades of each, at least one.
    """
    means = [sum(grades) / len(grades) for grades in by_listener.values()]
    count, mean = len(means), sum(means) / len(means)
    ci95 = None
    if count > 1:
        from scipy.special import stdtrit

        variance = sum((value - mean) ** 2 for value in means) / (count - 1)
        ci95 = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * math.sqrt(variance / count)
    votes = sum(len(grades) for grades in by_listener.values())
    return MeanOpinion(mos=mean, ci95=ci95, num_votes=votes, num_listeners=count)


def as_csv(test: ListeningTest, votes: Sequence[Vote]) -> str:
    """Every vote as a line, with the columns that readers of webMUSHRA's exports know, and more."""
    standings = standings_of(test, votes)
    is_mos = test.kind is ListeningKind.MOS
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow((MOS_COLUMNS if is_mos else PAIR_COLUMNS) + OWN_COLUMNS)
    for vote in votes:
        stimuli = [test.stimulus(each) for each in vote.stimuli]
        systems = [each.system for each in stimuli]
        said = [systems[0], vote.answer] if is_mos else [*systems, _chosen(vote, systems)]
        gold_ok = "" if vote.gold_ok is None else str(vote.gold_ok).lower()
        standing = standings[vote.listener, vote.trial]
        writer.writerow(
            [
                test.id, vote.listener, vote.session, vote.trial, *said, vote.ms, "", vote.role.value,
                stimuli[0].utterance, " ".join(vote.stimuli), vote.answer, vote.ms, " ".join(map(str, vote.plays)),
                str(vote.heard).lower(), gold_ok, standing.value, vote.time_ms,
            ]
        )  # fmt: skip
    return written.getvalue()


def _opinions(test: ListeningTest, rated: Iterable[Vote]) -> dict[str, MeanOpinion]:
    grades: dict[str, dict[int, list[int]]] = {system: defaultdict(list) for system in test.systems}
    for vote in rated:
        grades[test.stimulus(vote.stimuli[0]).system][vote.listener].append(int(vote.answer))
    return {system: mean_opinion(by_listener) for system, by_listener in grades.items() if by_listener}


def _preference(test: ListeningTest, rated: Iterable[Vote]) -> Preference:
    first = second = neither = 0
    lead: dict[int, int] = defaultdict(int)
    for vote in rated:
        chosen = _chosen(vote, [test.stimulus(each).system for each in vote.stimuli])
        if chosen == test.systems[0]:
            first, lead[vote.listener] = first + 1, lead[vote.listener] + 1
        elif chosen == test.systems[1]:
            second, lead[vote.listener] = second + 1, lead[vote.listener] - 1
        else:
            neither += 1
    ahead, behind = sum(value > 0 for value in lead.values()), sum(value < 0 for value in lead.values())
    return Preference(
        first=first,
        second=second,
        neither=neither,
        p_value=binomial_p(first, first + second),
        listeners_first=ahead,
        listeners_second=behind,
        listeners_p_value=binomial_p(ahead, ahead + behind),
    )


def _chosen(vote: Vote, systems: Sequence[str]) -> str:
    return NEITHER if vote.answer == NEITHER else systems[0 if vote.answer == FIRST else 1]


def _steady(test: ListeningTest, counted: Iterable[Vote]) -> float | None:
    """Of A/B trials, whose repeats are turned round, whether the same sound was chosen."""
    first: dict[tuple[int, frozenset[str]], Vote] = {}
    repeats = []
    for vote in counted:
        key = (vote.listener, frozenset(vote.stimuli))
        if vote.role is Role.RATED:
            first[key] = vote
        elif vote.role is Role.REPEAT:
            repeats.append((vote, key))
    pairs = [(vote, first[key]) for vote, key in repeats if key in first]
    if not pairs:
        return None
    if test.kind is ListeningKind.MOS:
        same = [abs(int(again.answer) - int(before.answer)) <= STEADY_WITHIN for again, before in pairs]
    else:
        same = [_chosen(again, again.stimuli) == _chosen(before, before.stimuli) for again, before in pairs]
    return sum(same) / len(same)
