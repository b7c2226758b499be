"""What the doors ask the desk for: lines to say, each with its voice and manner. Both doors' requests become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from clock_train.errors import RequestInvalid, TextEmpty, TextTooLong
from clock_train.models.saying import MAX_SPEED, MIN_SPEED
from clock_train.models.sentences import Sentence, read_sentences
from clock_train.models.style_labels import STYLES
from clock_train.serving.timepoints import Kind
from clock_train.serving.voice_model import MAX_PAUSE_S, MAX_PAUSES_S
from clock_train.text.overrides import without_sounds

MAX_CHARACTERS = 20_000
"""Of one order, over all its lines: about an hour."""
MAX_LINES = 2_000
MIN_GAIN_DB, MAX_GAIN_DB = -40.0, 12.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """Some text, said by one voice in one manner."""

    text: str
    voice: str
    language: str = "auto"
    style: str = ""
    emotion: str = ""
    speed: float = 1.0
    """Times the order's."""
    pause_s: float | None = None
    """Silence before it; None is what usually stands between sentences."""
    places: Sequence[int] | None = None
    """Where each character of the text, and its end, stands in what was sent; None: the text is what was sent."""
    marks: Sequence[tuple[int, str]] = ()
    """Names of places in the text, by character."""

    def read(self) -> list[Sentence]:
        """Its sentences; the first has the pause.

        Raises:
            TextError: nothing speakable, or a language without a front-end here.
        """
        sentences = read_sentences(self.text, self.language or "auto", style=self.style, emotion=self.emotion)
        sentences = [replace(sentence, speed=self.speed) for sentence in sentences]
        if self.pause_s is not None:
            sentences[0] = replace(sentences[0], pause_s=self.pause_s)
        return sentences

    @property
    def num_characters(self) -> int:
        """That are said: not the phones that SSML or a lexicon put beside a word."""
        if self.places is None:
            return len(self.text)
        return len(without_sounds(self.text))

    def place(self, character: int) -> int:
        """Where a character of the text stands in what was sent."""
        return character if self.places is None else self.places[min(character, len(self.places) - 1)]


@dataclass(frozen=True, kw_only=True)
class Order:
    """Lines to say one after the other, as one sound."""

    lines: Sequence[Line]
    speed: float = 1.0
    gain_db: float = 0.0
    seed: int = 0
    timed: frozenset[Kind] = field(default_factory=frozenset)
    """What is to be timed."""
    ignored: Sequence[str] = ()
    """What was asked for and has no effect."""
    has_audible_label: bool = False
    """Whether tones that people hear come first, also where the installation does not put them before every sound."""
    is_measured: bool = False
    """Whether how long the sound is must be known before it begins; of one voice only it is."""

    @property
    def num_characters(self) -> int:
        """That are said."""
        return sum(line.num_characters for line in self.lines)

    def check(self, *, is_written: bool = True) -> None:
        """Refuse what needs no voice to be refused.

        Args:
            is_written: whether the text is there already, or only how it is said.
        Raises:
            TextEmpty, TextTooLong: nothing, or more than one request may hold.
            RequestInvalid: a value that cannot be.
        """
        if is_written and not any(line.text.strip() for line in self.lines):
            raise TextEmpty("there is no text; write words or numbers")
        if self.num_characters > MAX_CHARACTERS:
            raise TextTooLong(
                f"the text has {self.num_characters} characters, the limit of one request is {MAX_CHARACTERS}; send it "
                "in parts"
            )
        if len(self.lines) > MAX_LINES:
            raise RequestInvalid(
                f"there are {len(self.lines)} lines; send {MAX_LINES} or fewer at once", field="script"
            )
        if not -(1 << 63) <= self.seed < 1 << 63:
            raise RequestInvalid("seed is no 64-bit integer; give a smaller one", field="seed")
        if not MIN_GAIN_DB <= self.gain_db <= MAX_GAIN_DB:
            raise RequestInvalid(
                f"volume_gain_db is {self.gain_db:g}; give a number from {MIN_GAIN_DB:g} to {MAX_GAIN_DB:g}",
                field="volume_gain_db",
            )
        for line in self.lines:
            self._check_line(line)
        if sum(line.pause_s or 0.0 for line in self.lines) > MAX_PAUSES_S:
            raise RequestInvalid(f"the pauses are over {MAX_PAUSES_S:g} s in all; make them shorter", field="input")

    def _check_line(self, line: Line) -> None:
        speed = self.speed * line.speed
        if not line.voice:
            raise RequestInvalid("voice is missing; name one of GET /v1/audio/voices", field="voice")
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise RequestInvalid(
                f"speed is {speed:g}; give a number from {MIN_SPEED:g} to {MAX_SPEED:g}", field="speed"
            )
        if line.style not in STYLES:
            raise RequestInvalid(f"style is none of {', '.join(STYLES[1:])}; give one of them, or none", field="style")
        for name in ("language", "emotion"):
            if len(getattr(line, name)) > 40:
                raise RequestInvalid(f"{name} has more than 40 characters; give a short name", field=name)
        if not 0 <= (line.pause_s or 0.0) <= MAX_PAUSE_S:
            raise RequestInvalid(f"a pause is {line.pause_s:g} s; give 0 to {MAX_PAUSE_S:g}", field="input")


@dataclass(frozen=True, kw_only=True)
class ReadLine:
    """A line with its sentences."""

    line: Line
    sentences: list[Sentence]


def read_lines(lines: Sequence[Line]) -> list[ReadLine]:
    """All lines but those without a word: their pauses go to the next.

    Raises:
        TextError: no line has a word, or one is in a language without a front-end here.
    """
    read: list[ReadLine] = []
    left_out: list[TextEmpty] = []
    waited_s: float | None = None
    for line in lines:
        if waited_s is not None:
            line = replace(line, pause_s=min(waited_s + (line.pause_s or 0.0), MAX_PAUSE_S))  # noqa: PLW2901
        try:
            read.append(ReadLine(line=line, sentences=line.read()))
            waited_s = None
        except TextEmpty as error:
            left_out.append(error)
            waited_s = line.pause_s
    if not read:
        raise left_out[0]
    return read


def amplified(samples: np.ndarray, gain_db: float) -> np.ndarray:
    """(N,) float32 in [-1, 1], louder or softer; what goes beyond is clipped."""
    if not gain_db:
        return samples
    return np.clip(samples * np.float32(10 ** (gain_db / 20)), -1.0, 1.0)
