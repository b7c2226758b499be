"""All judges on all items: one score a sentence, metric and subject.

Each judge's part of the work on a recording (its d-vector, log-mel, transcript) is done once. What a judge cannot say
is kept with its reason: a missing judge concerns all sentences of a language, a failure one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from clock_train.errors import EvaluationError, JudgeMissing, WaveformUnjudgeable
from clock_train.evaluation import figures, forced_alignment, recogniser, speaker_similarity
from clock_train.evaluation.bootstrap import Score
from clock_train.evaluation.f0_error import f0_error
from clock_train.evaluation.figures import Metric, Subject
from clock_train.evaluation.mel_cepstral_distortion import mel_cepstral_distortion
from clock_train.evaluation.mel_distance import judged_mel, warp

Result = TypeVar("Result")
WRONG_SENTENCES = 5
"""Other sentences that each one is compared with; more changed the mean by less than 0.01 on 16 sentences."""
DISTANCES = (figures.MEL, figures.MCD_WARPED, figures.MCD_PLAIN, figures.F0, figures.VOICING)


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

    @property
    def sounds(self) -> dict[Subject, np.ndarray]:
        """What is judged against the natural recording."""
        sounds = {Subject.SPEECH: self.generated}
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


@dataclass
class _Recording:
    """A natural recording and what was worked out from it; none where it cannot be judged."""

    mel: np.ndarray | None = None
    speaker: np.ndarray | None = None
    heard: str | None = None


class Scoring:
    """Collects scores; every call of a judge goes through ``_attempt``."""

    def __init__(self, items: Sequence[EvaluationItem], impostors: Sequence[np.ndarray]) -> None:
        self.items = items
        self.impostors = impostors
        self.result = Scores(by_item={item.id: {} for item in items}, heard={item.id: {} for item in items})
        self._recordings = {item.id: _Recording() for item in items}

    def run(self, on_progress: Callable[[int, int], None] | None = None) -> Scores:
        """All judges; progress counts items twice, once for their recordings."""
        total = 2 * len(self.items)
        for done, item in enumerate(self.items):
            self._hear_natural(item)
            if on_progress:
                on_progress(done + 1, total)
        self._measure_floors_and_ceilings()
        for done, item in enumerate(self.items):
            for subject, waveform in item.sounds.items():
                self._score(item, subject, waveform)
            self._score_alignment(item)
            if on_progress:
                on_progress(len(self.items) + done + 1, total)
        return self.result

    def _hear_natural(self, item: EvaluationItem) -> None:
        recording = self._recordings[item.id]
        recording.mel = self._attempt(item, figures.MEL, Subject.NATURAL, lambda: judged_mel(item.natural))
        recording.speaker = self._attempt(
            item, figures.SIMILARITY, Subject.NATURAL, lambda: speaker_similarity.embedding(item.natural)
        )
        self._score_words(item, Subject.NATURAL, item.natural)
        recording.heard = self.result.heard[item.id].get(Subject.NATURAL.value)

    def _measure_floors_and_ceilings(self) -> None:
        speakers = [r.speaker for r in self._recordings.values() if r.speaker is not None]
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
            natural_errors = self.result.by_item[item.id].get((figures.WORD_ERRORS.name, Subject.NATURAL))
            if natural_errors:
                self.result.ceilings.setdefault(figures.WORD_ERRORS.name, []).append(natural_errors)

    def _hear_impostors(self) -> list[np.ndarray]:
        heard = []
        for number, waveform in enumerate(self.impostors):
            try:
                heard.append(speaker_similarity.embedding(waveform))
            except WaveformUnjudgeable as failure:
                self._fail(f"impostor {number}", figures.SIMILARITY, Subject.NATURAL, failure)
        return heard

    def _floor_scores(self, item: EvaluationItem) -> list[tuple[Metric, Score]]:
        """What the next sentence's recording scores as if it were this one's."""
        others = self._other_items(item)
        if not others or self._recordings[item.id].mel is None:
            return []
        wrong = others[0]
        scores = self._distances(item, wrong.natural, self._recordings[wrong.id].mel)
        heard = self._recordings[wrong.id].heard
        reference = recogniser.spoken_words(item.text)
        if heard is not None and reference:
            errors = recogniser.edit_distance(reference, heard.split())
            scores.append((figures.WORD_ERRORS, Score.of(errors / len(reference), len(reference))))
        return scores

    def _score(self, item: EvaluationItem, subject: Subject, waveform: np.ndarray) -> None:
        recording = self._recordings[item.id]
        self._keep(item, subject, figures.DURATION, Score.of(len(waveform) / max(1, len(item.natural))))
        speaker = recording.speaker
        if speaker is not None:
            value = self._attempt(item, figures.SIMILARITY, subject, lambda: _similarity_or_zero(waveform, speaker))
            self._keep(item, subject, figures.SIMILARITY, None if value is None else Score.of(value))
        self._score_words(item, subject, waveform)
        mel = self._attempt(item, figures.MEL, subject, lambda: judged_mel(waveform))
        if mel is None or recording.mel is None:
            return
        for metric, score in self._distances(item, waveform, mel):
            self._keep(item, subject, metric, score)
        wrong = [self._recordings[other.id].mel for other in self._other_items(item)]
        distances = [warp(other, mel).distance for other in wrong if other is not None]
        if distances:
            right = self.result.by_item[item.id][figures.MEL.name, subject].values[0]
            self._keep(item, subject, figures.MISMATCH, Score.of(right / max(float(np.mean(distances)), 1e-9)))

    def _distances(
        self, item: EvaluationItem, waveform: np.ndarray, mel: np.ndarray | None
    ) -> list[tuple[Metric, Score]]:
        natural_mel = self._recordings[item.id].mel
        if mel is None or natural_mel is None:
            return []
        warped = warp(natural_mel, mel)
        melody = f0_error(item.natural, waveform, warped.path)
        distortion = mel_cepstral_distortion(item.natural, waveform)
        return [
            (figures.MEL, Score.of(warped.distance)),
            (figures.MCD_WARPED, Score.of(distortion.warped_db)),
            (figures.MCD_PLAIN, Score.of(distortion.plain_db)),
            # no frame voiced in both: no melody to compare, and the voicing error tells
            (figures.F0, Score(values=() if melody.log_rmse is None else (melody.log_rmse,))),
            (figures.VOICING, Score.of(melody.voicing_error)),
        ]

    def _score_words(self, item: EvaluationItem, subject: Subject, waveform: np.ndarray) -> None:
        found = self._attempt(item, figures.WORD_ERRORS, subject, lambda: _word_errors(item, waveform))
        if found is None:
            return
        self._keep(item, subject, figures.WORD_ERRORS, Score.of(found.rate, found.num_words))
        self.result.heard[item.id][subject.value] = found.heard

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
        return [other for other in following if other.text != item.text and self._recordings[other.id].mel is not None][
            :WRONG_SENTENCES
        ]

    def _attempt(
        self, item: EvaluationItem, metric: Metric, subject: Subject, judge: Callable[[], Result]
    ) -> Result | None:
        try:
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


def _similarity_or_zero(waveform: np.ndarray, speaker: np.ndarray) -> float:
    """A model that makes silence scores zero: leaving the sentence out would flatter it."""
    try:
        generated = speaker_similarity.embedding(waveform)
    except WaveformUnjudgeable:
        return 0.0
    return speaker_similarity.embedding_similarity(generated, [speaker])


def _word_errors(item: EvaluationItem, waveform: np.ndarray) -> recogniser.WordErrors:
    """Silence is every word missed, for the same reason."""
    try:
        return recogniser.word_errors(item.text, waveform, language=item.language)
    except WaveformUnjudgeable:
        num_words = len(recogniser.spoken_words(item.text))
        return recogniser.WordErrors(num_errors=num_words, num_words=num_words, heard="")
