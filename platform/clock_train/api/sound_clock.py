"""When what is said is heard: from the durations that a voice tells to times in the whole sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clock_train.api.orders import ReadLine
from clock_train.models.sentences import Sentence
from clock_train.serving.timepoints import Kind, Timepoint, timepoints
from clock_train.serving.voice_catalogue import ServedVoice


class SoundClock:
    """Turns the durations that a voice tells into times of the whole sound, and into its length.

    Args:
        voice: that speaks.
        lines: that it says, one after the other.
        kinds: what is timed.
        begin_s: of the part, in the sound.
        is_first: whether nothing was said before it; a voice that takes over does so after the usual pause.
    """

    def __init__(
        self, voice: ServedVoice, lines: Sequence[ReadLine], kinds: frozenset[Kind], *, begin_s: float, is_first: bool
    ) -> None:
        self._voice, self._read, self._kinds, self._begin_s = voice, lines, kinds, begin_s
        self.sentences = [sentence for read in lines for sentence in read.sentences]
        if not is_first and self.sentences[0].pause_s is None:
            usual_s = self.sentences[0].pause_samples(1, voice.sample_rate_hz) / voice.sample_rate_hz
            self.sentences[0] = replace(self.sentences[0], pause_s=usual_s)
        self._marks = [sorted(read.line.marks) for read in lines]
        self._line_of = [at for at, read in enumerate(lines) for _ in read.sentences]
        self._next = 0
        self.num_samples = 0
        """Of the sentences that were told, at the voice's own rate."""
        self._points: list[Timepoint] = []

    def tell(self, durations: np.ndarray) -> None:
        """Durations of the next sentences."""
        while len(durations):
            sentence = self.sentences[self._next]
            own, durations = np.split(durations, [sentence.ids_3L.shape[1]])
            self._add(self._next, sentence, own)
            self._next += 1

    def begun(self, until_s: float) -> list[Timepoint]:
        """What begins before this time and was not given yet."""
        count = next((at for at, point in enumerate(self._points) if point.start_s >= until_s), len(self._points))
        given, self._points = self._points[:count], self._points[count:]
        return given

    def _add(self, number: int, sentence: Sentence, durations: np.ndarray) -> None:
        rate_hz, hop = self._voice.sample_rate_hz, self._voice.hop_samples
        self.num_samples += sentence.pause_samples(number, rate_hz)
        start_s = self._begin_s + self.num_samples / rate_hz
        self.num_samples += int(durations.sum()) * hop
        if not self._kinds:
            return
        line, frame_s = self._read[self._line_of[number]].line, hop / rate_hz
        kinds = self._kinds | ({Kind.WORD} if Kind.MARK in self._kinds else set())
        found = timepoints(sentence, durations, start_s=start_s, frame_s=frame_s, kinds=sorted(kinds))
        if Kind.MARK in self._kinds:
            found = with_marks(found, self._marks_in(number, sentence))
        self._points += [
            replace(point, char_start=line.place(point.char_start), char_end=line.place(point.char_end))
            for point in found
            if point.kind in self._kinds
        ]

    def _marks_in(self, number: int, sentence: Sentence) -> list[tuple[int, str]]:
        """The marks up to a sentence's end that no sentence before had; with the last of a line, the rest of it."""
        of_line = self._line_of[number]
        assert sentence.utterance is not None
        end = sentence.start + len(sentence.utterance.text)
        is_last = self._line_of[number + 1 : number + 2] != [of_line]
        taken = [mark for mark in self._marks[of_line] if is_last or mark[0] < end]
        self._marks[of_line] = self._marks[of_line][len(taken) :]
        return taken


def with_marks(found: list[Timepoint], marks: Sequence[tuple[int, str]]) -> list[Timepoint]:
    """Marks beside what was found, each where the next word begins, or else where the last one ends."""
    words = [point for point in found if point.kind is Kind.WORD]
    marked = list(found)
    for character, name in marks:
        at_s = next((word.start_s for word in words if word.char_start >= character), words[-1].end_s)
        point = Timepoint(
            kind=Kind.MARK, value=name, start_s=at_s, end_s=at_s, char_start=character, char_end=character
        )
        marked.append(point)
    return sorted(marked, key=lambda point: (point.start_s, -point.end_s))
