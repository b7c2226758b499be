"""A blind listening test as values: its sounds, and which of them a listener hears in which order.

Everything is worked out from the test's seed and the listener's number by sha256, never by ``random``: a session that
goes on after another version of Python was installed still has the same trials. A trial is *training* (not counted),
*rated*, *gold* (a natural recording or a ruined one, whose right answer is obvious) or a *repeat* of an earlier one.
Source: ITU-T P.800 and P.808 (training spanning worst to best, gold clips accepted within one, natural anchor).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from clock_train.errors import ListeningTestInvalid

SCHEMA_VERSION = 1
NATURAL = "natural"
"""The anchor: recordings. A mean opinion without one cannot be set beside another test's."""
GOLD_BEST, GOLD_WORST = "gold/natural", "gold/ruined"
"""Systems of gold clips; no system of a person's can have a slash in its name."""
GRADES = ("1", "2", "3", "4", "5")
FIRST, SECOND, NEITHER = "a", "b", "none"
REPEATS = 2
LEAST_RATED_FOR_REPEATS = 4


class ListeningKind(StrEnum):
    """What is asked."""

    MOS = "mos"
    """How good one sound is, 1 to 5."""
    AB = "ab"
    """Which of two sounds is better."""


class Role(StrEnum):
    """Why a trial is there; the page is told of training only."""

    TRAINING = "training"
    RATED = "rated"
    GOLD = "gold"
    REPEAT = "repeat"


@dataclass(frozen=True, kw_only=True)
class Stimulus:
    """One sound."""

    id: str
    """Random: also the name of its file."""
    system: str
    utterance: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One question of a session."""

    number: int
    """From 0, training included."""
    role: Role
    stimuli: tuple[Stimulus, ...]
    """One, or A and B."""
    accepted: tuple[str, ...] = ()
    """Right answers of a gold trial."""

    @property
    def seconds(self) -> float:
        """How long it takes to hear it once."""
        return sum(stimulus.seconds for stimulus in self.stimuli)


@dataclass(frozen=True, kw_only=True)
class ListeningTest:
    """What is written to ``test.json``."""

    id: str
    kind: ListeningKind
    made: str
    seed: str
    systems: tuple[str, ...]
    """What is compared; of an A/B test two, and the preference is that for the first."""
    stimuli: tuple[Stimulus, ...]
    trials: int
    """Rated ones of a session, at most."""
    listeners: int
    """How many are invited: fixed before the first vote."""
    sample_rate_hz: int
    loudness_lufs: float
    run_ids: tuple[str, ...] = ()
    """MLflow's, of the voices."""

    @property
    def answers(self) -> tuple[str, ...]:
        """What a vote may say."""
        return GRADES if self.kind is ListeningKind.MOS else (FIRST, NEITHER, SECOND)

    def stimulus(self, stimulus_id: str) -> Stimulus:
        """By its id."""
        return next(each for each in self.stimuli if each.id == stimulus_id)

    def as_json(self) -> str:
        """The file."""
        return json.dumps({"schemaVersion": SCHEMA_VERSION, **asdict(self)}, indent=1, ensure_ascii=False)


def read_test(text: str, where: str) -> ListeningTest:
    """A test from its file.

    Raises:
        ListeningTestInvalid: it is none, or one of a newer version.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        if values.pop("schemaVersion") != SCHEMA_VERSION:
            raise ListeningTestInvalid(f"{where} is of another version of ClockTrain; make the test anew")
        values["kind"] = ListeningKind(values["kind"])
        values["stimuli"] = tuple(Stimulus(**each) for each in values["stimuli"])
        values["systems"], values["run_ids"] = tuple(values["systems"]), tuple(values["run_ids"])
        return ListeningTest(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ListeningTestInvalid(
            f'{where} is no listening test ({error}); make one with "clocktrain listen make"'
        ) from error


def trials_of(test: ListeningTest, listener: int) -> tuple[Trial, ...]:
    """The session of a listener, counted from 1: always the same for the same test.

    Successive listeners take successive sentences, so that all are heard equally often; one listener hears every system
    say the same sentences, and of A/B pairs each system comes first in half of them.
    """
    by_place = {(each.system, each.utterance): each for each in test.stimuli}
    chosen = _chosen(test, listener)
    if test.kind is ListeningKind.MOS:
        rated = [(by_place[system, utterance],) for utterance in chosen for system in test.systems]
    else:
        rated = [
            _sides(tuple(by_place[system, utterance] for system in test.systems), is_swapped=at % 2 == 1)
            for at, utterance in enumerate(_shuffled(chosen, test.seed, listener, "sides"))
        ]
    body = [(Role.RATED, stimuli, ()) for stimuli in rated] + _golds(test, listener)
    body = _shuffled(body, test.seed, listener, "order")
    if len(rated) >= LEAST_RATED_FOR_REPEATS:
        first = [stimuli for role, stimuli, _ in body if role is Role.RATED][:REPEATS]
        body += [(Role.REPEAT, tuple(reversed(stimuli)), ()) for stimuli in first]
    whole = [(Role.TRAINING, stimuli, ()) for stimuli in _training(test)] + body
    return tuple(
        Trial(number=number, role=role, stimuli=stimuli, accepted=accepted)
        for number, (role, stimuli, accepted) in enumerate(whole)
    )


def _chosen(test: ListeningTest, listener: int) -> list[str]:
    sentences = _shuffled(sorted(_utterances(test, test.systems[0])), test.seed, 0, "sentences")
    share = test.trials // len(test.systems) if test.kind is ListeningKind.MOS else test.trials
    count = max(1, min(len(sentences), share))
    begin = (listener - 1) * count
    return [sentences[(begin + at) % len(sentences)] for at in range(count)]


def _golds(test: ListeningTest, listener: int) -> list[tuple[Role, tuple[Stimulus, ...], tuple[str, ...]]]:
    best = _of(test, GOLD_BEST)[0]
    worst = _of(test, GOLD_WORST)
    if test.kind is ListeningKind.MOS:
        return [(Role.GOLD, (best,), ("4", "5")), (Role.GOLD, (worst[0],), ("1", "2"))]
    is_swapped = _number(test.seed, listener, "gold") % 2 == 1
    return [(Role.GOLD, _sides((best, worst[0]), is_swapped=is_swapped), (SECOND if is_swapped else FIRST,))]


def _training(test: ListeningTest) -> list[tuple[Stimulus, ...]]:
    """From worst to best; the ruined one is another than the gold trial's where there are two."""
    worst, best = _of(test, GOLD_WORST)[-1], _of(test, GOLD_BEST)[-1]
    if test.kind is ListeningKind.AB:
        return [(worst, best), tuple(_of(test, system)[-1] for system in test.systems)]
    voice = next((system for system in test.systems if system != NATURAL), NATURAL)
    return [(worst,), (_of(test, voice)[-1],), (best,)]


def _of(test: ListeningTest, system: str) -> list[Stimulus]:
    return [each for each in test.stimuli if each.system == system]


def _utterances(test: ListeningTest, system: str) -> Iterable[str]:
    return (each.utterance for each in test.stimuli if each.system == system)


def _sides(pair: tuple[Stimulus, ...], *, is_swapped: bool) -> tuple[Stimulus, ...]:
    return tuple(reversed(pair)) if is_swapped else pair


def _shuffled(values: Sequence[Any], seed: str, listener: int, what: str) -> list[Any]:
    keys: Mapping[int, int] = {at: _number(seed, listener, f"{what}/{at}") for at in range(len(values))}
    return [values[at] for at in sorted(keys, key=lambda at: keys[at])]


def _number(seed: str, listener: int, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{listener}/{what}".encode()).digest(), "big")
