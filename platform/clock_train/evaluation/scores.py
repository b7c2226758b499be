"""All judges on all items: one score a sentence, metric and subject.

Each judge's part of the work on a recording (its d-vector, log-mel, transcript) is done once. What a judge cannot say
is kept with its reason: a missing judge concerns all sentences of a language, a failure one sentence.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from clock_train.errors import EvaluationError, JudgeMissing, WaveformUnjudgeable
from clock_train.evaluation import dnsmos, figures, forced_alignment, recogniser, speaker_similarity
from clock_train.evaluation.bootstrap import Score
from clock_train.evaluation.f0_error import melody_error
from clock_train.evaluation.figures import Metric, Subject
from clock_train.evaluation.judge_speed import (
    ALIGNER,
    DISTANCE_JUDGE,
    OPINION_JUDGE,
    PHONE_JUDGE,
    SIMILARITY_JUDGE,
    WORD_JUDGE,
    JudgeClock,
    JudgeSpeed,
)
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.mel_cepstral_distortion import distortion_of_cepstra
from clock_train.evaluation.mel_distance import WarpedMels, mismatch, warp, warp_all
from clock_train.evaluation.sound_shape import SoundShape, sound_shape

if TYPE_CHECKING:
    # torch: only whoever brings such a judge has loaded it
    from clock_train.evaluation.phone_recogniser import PhoneRecogniser

Result = TypeVar("Result")
WRONG_SENTENCES = 5
"""Other sentences that each one is compared with; more changed the mean by less than 0.01 on 16 sentences."""
DISTANCES = (figures.MEL, figures.MCD_WARPED, figures.MCD_PLAIN, figures.F0, figures.VOICING)
OPINIONS = (figures.DNSMOS_OVERALL, figures.DNSMOS_SIGNAL, figures.DNSMOS_BACKGROUND)
OF_SPEECH = (figures.SIMILARITY, figures.WORD_ERRORS, figures.MISMATCH, *DISTANCES, figures.DURATION, *OPINIONS)
"""What a sentence without its sound has no score for."""


@dataclass(frozen=True, kw_only=True)
class EvaluationItem:
    """One sentence of the test split, spoken and generated; waveforms are (T,) float32 at 16 kHz."""

    id: str
    text: str
    """As it is spoken: numbers written out."""
    natural: np.ndarray
    generated: np.ndarray
    style: str | None = None
    """``question``, ``happy``: a label of the corpus, scored on its own."""
    language: str = "en"
    resynthesis: np.ndarray | None = None
    words: tuple[forced_alignment.WordTiming, ...] | None = None
    """Where the model's own alignment places the words in the natural recording."""
    phones: tuple[int, ...] | None = None
    """What should be heard, numbers of the shared inventory without pauses and silence; for a phone recogniser."""
    no_speech: str | None = None
    """Why there is no generated sound (a file that is missing or broken); ``generated`` is then not looked at."""

    @property
    def sounds(self) -> dict[Subject, np.ndarray]:
        """What is judged against the natural recording."""
        sounds = {} if self.no_speech is not None else {Subject.SPEECH: self.generated}
        return sounds if self.resynthesis is None else {**sounds, Subject.RESYNTHESIS: self.resynthesis}


@dataclass
class Scores:
    """What the judges said, by item id."""

    by_item: dict[str, dict[tuple[str, Subject], Score]] = field(default_factory=dict)
    heard: dict[str, dict[str, str]] = field(default_factory=dict)
    floors: dict[str, list[Score]] = field(default_factory=dict)
    """By metric: what unrelated natural sounds score."""
    ceilings: dict[str, list[Score]] = field(default_factory=dict)
    failures: list[figures.Failure] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """By metric: why a judge could not be asked, for all items or for those of one language."""
    speeds: tuple[JudgeSpeed, ...] = ()


@dataclass
class _Recording:
    """A natural recording and what was worked out from it; none where it cannot be judged."""

    shape: SoundShape | None = None
    heard: str | None = None


class Scoring:
    """Collects scores; every call of a judge goes through ``_attempt``."""

    def __init__(
        self,
        items: Sequence[EvaluationItem],
        impostors: Sequence[np.ndarray],
        phone_judges: Mapping[str, PhoneRecogniser | str] | None = None,
    ) -> None:
        self.items = items
        self.impostors = impostors
        self.phone_judges = phone_judges or {}
        self._clock = JudgeClock()
        self.result = Scores(by_item={item.id: {} for item in items}, heard={item.id: {} for item in items})
        self._recordings = {item.id: _Recording() for item in items}
        self._speakers: dict[tuple[str, Subject], np.ndarray] = {}
        """The d-vector of every sound that has one."""

    def run(self, on_progress: Callable[[int, int], None] | None = None) -> Scores:
        """All judges; progress counts items twice, once for their recordings."""
        _load_judges()
        total = 2 * len(self.items)
        for done, item in enumerate(self.items):
            self._hear_natural(item)
            if on_progress:
                on_progress(done + 1, total)
        self._hear_speakers()
        self._measure_floors_and_ceilings()
        for done, item in enumerate(self.items):
            if item.no_speech is not None:
                self.result.failures += [
                    figures.Failure(item=item.id, metric=metric.name, subject=Subject.SPEECH, reason=item.no_speech)
                    for metric in OF_SPEECH
                ]
            for subject, waveform in item.sounds.items():
                self._score(item, subject, waveform)
            self._score_alignment(item)
            if on_progress:
                on_progress(len(self.items) + done + 1, total)
        self.result.speeds = self._clock.speeds()
        return self.result

    def _hear_natural(self, item: EvaluationItem) -> None:
        recording = self._recordings[item.id]
        recording.shape = self._attempt(
            item, figures.MEL, Subject.NATURAL, lambda: sound_shape(item.natural), DISTANCE_JUDGE, 0.0
        )
        self._score_words(item, Subject.NATURAL, item.natural)
        self._score_phones(item, Subject.NATURAL, item.natural)
        self._score_opinions(item, Subject.NATURAL, item.natural)
        recording.heard = self.result.heard[item.id].get(Subject.NATURAL.value)

    def _hear_speakers(self) -> None:
        """The d-vectors of all sounds, in one pass of the network."""
        parts_of: dict[tuple[str, Subject], np.ndarray] = {}
        for item in self.items:
            for subject, waveform in {Subject.NATURAL: item.natural, **item.sounds}.items():
                parts = self._attempt(
                    item,
                    figures.SIMILARITY,
                    subject,
                    lambda sound=waveform, is_own=subject is Subject.NATURAL: _speaker_parts(sound, is_own),
                    SIMILARITY_JUDGE,
                    len(waveform) / JUDGE_RATE_HZ,
                )
                if parts is not None:
                    parts_of[item.id, subject] = parts
        with self._clock.judging(SIMILARITY_JUDGE, 0.0):
            vectors = speaker_similarity.embeddings([parts for parts in parts_of.values() if len(parts)])
        self._speakers = dict(zip((key for key, parts in parts_of.items() if len(parts)), vectors, strict=True))

    def _measure_floors_and_ceilings(self) -> None:
        speakers = [vector for (_, subject), vector in self._speakers.items() if subject is Subject.NATURAL]
        impostors = self._hear_impostors() if speakers else []
        bounds = speaker_similarity.embedding_floor_and_ceiling(speakers, impostors)
        self._bound(self.result.floors, figures.SIMILARITY, bounds.floor)
        self._bound(self.result.ceilings, figures.SIMILARITY, bounds.ceiling)
        self._bound(self.result.floors, figures.MISMATCH, 1.0)
        for metric in (figures.MISMATCH, *DISTANCES):
            self._bound(self.result.ceilings, metric, 0.0)
        self._bound(self.result.ceilings, figures.DURATION, 1.0)
        for item in self.items:
            for metric, score in self._floor_scores(item):
                self.result.floors.setdefault(metric.name, []).append(score)
            for metric in (figures.WORD_ERRORS, figures.PHONE_ERRORS, *OPINIONS):
                natural = self.result.by_item[item.id].get((metric.name, Subject.NATURAL))
                if natural:
                    self.result.ceilings.setdefault(metric.name, []).append(natural)

    def _hear_impostors(self) -> list[np.ndarray]:
        heard = []
        for number, waveform in enumerate(self.impostors):
            try:
                heard.append(speaker_similarity.heard_parts(waveform))
            except WaveformUnjudgeable as failure:
                self._fail(f"impostor {number}", figures.SIMILARITY, Subject.NATURAL, failure)
        return speaker_similarity.embeddings(heard)

    def _floor_scores(self, item: EvaluationItem) -> list[tuple[Metric, Score]]:
        """What the next sentence's recording scores as if it were this one's."""
        others, own = self._other_items(item), self._recordings[item.id].shape
        if not others or own is None:
            return []
        wrong = others[0]
        shape = self._recordings[wrong.id].shape
        assert shape is not None  # other items are those that have one
        with self._clock.judging(DISTANCE_JUDGE, 0.0):
            scores = _distances(own, shape, warp(own.mel, shape.mel))
        heard = self._recordings[wrong.id].heard
        reference = recogniser.spoken_words(item.text)
        if heard is not None and reference:
            errors = recogniser.edit_distance(reference, heard.split())
            scores.append((figures.WORD_ERRORS, Score.of(errors / len(reference), len(reference))))
        return scores

    def _score(self, item: EvaluationItem, subject: Subject, waveform: np.ndarray) -> None:
        recording = self._recordings[item.id]
        self._keep(item, subject, figures.DURATION, Score.of(len(waveform) / max(1, len(item.natural))))
        self._score_similarity(item, subject)
        self._score_words(item, subject, waveform)
        self._score_phones(item, subject, waveform)
        self._score_opinions(item, subject, waveform)
        own = recording.shape
        shape = self._attempt(item, figures.MEL, subject, lambda: sound_shape(waveform), DISTANCE_JUDGE, 0.0)
        if shape is None or own is None:
            return
        wrong = [self._recordings[other.id].shape for other in self._other_items(item)]
        with self._clock.judging(DISTANCE_JUDGE, len(waveform) / JUDGE_RATE_HZ):
            mels = [own.mel, *(each.mel for each in wrong if each is not None)]
            right, *others = warp_all(mels, shape.mel)
            scores = _distances(own, shape, right)
        for metric, score in scores:
            self._keep(item, subject, metric, score)
        if others:
            self._keep(item, subject, figures.MISMATCH, Score.of(mismatch(right, others)))

    def _score_similarity(self, item: EvaluationItem, subject: Subject) -> None:
        """A model that makes silence scores zero: leaving the sentence out would flatter it."""
        if (speaker := self._speakers.get((item.id, Subject.NATURAL))) is None:
            return
        generated = self._speakers.get((item.id, subject))
        value = 0.0 if generated is None else speaker_similarity.embedding_similarity(generated, [speaker])
        self._keep(item, subject, figures.SIMILARITY, Score.of(value))

    def _score_words(self, item: EvaluationItem, subject: Subject, waveform: np.ndarray) -> None:
        sound_s = len(waveform) / JUDGE_RATE_HZ
        found = self._attempt(
            item, figures.WORD_ERRORS, subject, lambda: _word_errors(item, waveform), WORD_JUDGE, sound_s
        )
        if found is None:
            return
        self._keep(item, subject, figures.WORD_ERRORS, Score.of(found.rate, found.num_words))
        self.result.heard[item.id][subject.value] = found.heard

    def _score_phones(self, item: EvaluationItem, subject: Subject, waveform: np.ndarray) -> None:
        judge, phones = self.phone_judges.get(item.language), item.phones
        if judge is None or not phones:
            return
        if isinstance(judge, str):
            self.result.missing.setdefault(figures.PHONE_ERRORS.name, judge)
            return
        value = self._attempt(
            item,
            figures.PHONE_ERRORS,
            subject,
            lambda: _phone_error_rate(judge, phones, waveform),
            PHONE_JUDGE,
            len(waveform) / JUDGE_RATE_HZ,
        )
        self._keep(item, subject, figures.PHONE_ERRORS, None if value is None else Score.of(value, len(phones)))

    def _score_opinions(self, item: EvaluationItem, subject: Subject, waveform: np.ndarray) -> None:
        sound_s = len(waveform) / JUDGE_RATE_HZ
        found = self._attempt(
            item, figures.DNSMOS_OVERALL, subject, lambda: dnsmos.dnsmos(waveform), OPINION_JUDGE, sound_s
        )
        if found is not None:
            values = (found.overall, found.signal, found.background)
            for metric, value in zip(OPINIONS, values, strict=True):
                self._keep(item, subject, metric, Score.of(value))

    def _score_alignment(self, item: EvaluationItem) -> None:
        words = item.words
        if words is None:
            return
        entries = [word.word for word in sorted(words, key=lambda word: word.index)]
        reference = self._attempt(
            item,
            figures.WORD_STARTS,
            Subject.ALIGNMENT,
            lambda: forced_alignment.align_words(entries, item.natural, language=item.language),
            ALIGNER,
            len(item.natural) / JUDGE_RATE_HZ,
        )
        if reference is None:
            return
        errors = forced_alignment.word_start_errors(reference.words, words)
        close = tuple(float(error <= forced_alignment.CLOSE_S) for error in errors.errors_s)
        self._keep(item, Subject.ALIGNMENT, figures.WORD_STARTS, Score(values=close))
        self._keep(item, Subject.ALIGNMENT, figures.WORD_START_MEDIAN, Score(values=errors.errors_s))

    def _other_items(self, item: EvaluationItem) -> list[EvaluationItem]:
        """The next sentences after this one, round the end; none of the same text."""
        position = next(index for index, other in enumerate(self.items) if other.id == item.id)
        following = [*self.items[position + 1 :], *self.items[:position]]
        others = [
            other for other in following if other.text != item.text and self._recordings[other.id].shape is not None
        ]
        return others[:WRONG_SENTENCES]

    def _attempt(
        self,
        item: EvaluationItem,
        metric: Metric,
        subject: Subject,
        judge: Callable[[], Result],
        name: str,
        sound_s: float,
    ) -> Result | None:
        try:
            with self._clock.judging(name, sound_s):
                return judge()
        except JudgeMissing as missing:
            self.result.missing.setdefault(metric.name, str(missing))
        except EvaluationError as failure:
            self._fail(item.id, metric, subject, failure)
        return None

    def _fail(self, item: str, metric: Metric, subject: Subject, failure: EvaluationError) -> None:
        self.result.failures.append(
            figures.Failure(item=item, metric=metric.name, subject=subject, reason=str(failure))
        )

    def _keep(self, item: EvaluationItem, subject: Subject, metric: Metric, score: Score | None) -> None:
        if score is not None:
            self.result.by_item[item.id][metric.name, subject] = score

    def _bound(self, bounds: dict[str, list[Score]], metric: Metric, value: float | None) -> None:
        if value is not None:
            bounds[metric.name] = [Score.of(value)]


def _load_judges() -> None:
    """Before the clock runs; one that is missing says so when it is asked."""
    for load in (speaker_similarity.load, recogniser.load, dnsmos.load):
        with contextlib.suppress(JudgeMissing):
            load()


def _speaker_parts(waveform: np.ndarray, is_own: bool) -> np.ndarray:
    """What the speaker's judge hears; of a generated silence nothing, which is no failure but the worst score."""
    try:
        return speaker_similarity.heard_parts(waveform)
    except WaveformUnjudgeable:
        if is_own:
            raise
        return np.zeros((0, 0, 0), dtype=np.float32)


def _distances(natural: SoundShape, generated: SoundShape, warped: WarpedMels) -> list[tuple[Metric, Score]]:
    found = melody_error(natural.melody, generated.melody, warped.path)
    distortion = distortion_of_cepstra(natural.cepstra, generated.cepstra)
    return [
        (figures.MEL, Score.of(warped.distance)),
        (figures.MCD_WARPED, Score.of(distortion.warped_db)),
        (figures.MCD_PLAIN, Score.of(distortion.plain_db)),
        # no frame voiced in both: no melody to compare, and the voicing error tells
        (figures.F0, Score(values=() if found.log_rmse is None else (found.log_rmse,))),
        (figures.VOICING, Score.of(found.voicing_error)),
    ]


def _word_errors(item: EvaluationItem, waveform: np.ndarray) -> recogniser.WordErrors:
    """Silence is every word missed, for the same reason."""
    try:
        return recogniser.word_errors(item.text, waveform, language=item.language)
    except WaveformUnjudgeable:
        num_words = len(recogniser.spoken_words(item.text))
        return recogniser.WordErrors(num_errors=num_words, num_words=num_words, heard="")


def _phone_error_rate(judge: PhoneRecogniser, phones: Sequence[int], waveform: np.ndarray) -> float:
    """Silence is every phone missed."""
    try:
        return judge.phone_errors(phones, waveform).rate
    except WaveformUnjudgeable:
        return 1.0
