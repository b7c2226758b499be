"""A text as the sentences that a voice speaks one by one: what each says and how, the pause before it, and its noise.

Whatever runs the model reads a text by this, so that a text and a seed are the same samples everywhere. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clock_train.errors import TextEmpty
from clock_train.models.style_labels import label_ids
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import token_ids
from clock_train.text.sentences import split_sentences
from clock_train.text.utterance import Utterance

PAUSE_SECONDS = 0.12
"""Between sentences; each ends with its own silence already."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, read."""

    ids_3L: np.ndarray
    """Of ``text.inventory.token_ids``."""
    labels: tuple[int, int] = (0, 0)
    """Style and emotion."""
    pause_s: float | None = None
    """Silence before it; None is ``PAUSE_SECONDS``, and nothing before the first."""
    speed: float = 1.0
    """Times the request's."""
    utterance: Utterance | None = None
    """What was read; None where phones were given."""
    start: int = 0
    """Where it begins in the text, in characters."""

    def pause_samples(self, number: int, sample_rate_hz: int) -> int:
        """Of the silence before it, where it is sentence ``number`` of its request."""
        pause_s = (PAUSE_SECONDS if number else 0.0) if self.pause_s is None else self.pause_s
        return int(pause_s * sample_rate_hz)


def sentence_texts(text: str, language: str = "auto") -> list[str]:
    """The sentences of a text, at least one; where nothing can be spoken, reading it says so."""
    return split_sentences(text, language) or [text]


def read_sentence(sentence: str, language: str = "auto", *, style: str = "", emotion: str | None = None) -> Sentence:
    """One sentence, in the style that is asked for, or else the one that its last sign asks for.

    Raises:
        TextError: nothing speakable, or a language without a front-end here.
    """
    utterance = phonemize(sentence, language)
    labels = label_ids(style or style_of(utterance), emotion)
    return Sentence(token_ids(utterance), labels, utterance=utterance)


def read_sentences(text: str, language: str = "auto", *, style: str = "", emotion: str | None = None) -> list[Sentence]:
    """All sentences of a text but those of signs alone; see ``read_sentence``."""
    sentences: list[Sentence] = []
    left_out: list[TextEmpty] = []
    end = 0
    for written in sentence_texts(text, language):
        start = text.index(written, end)
        end = start + len(written)
        try:
            sentences.append(replace(read_sentence(written, language, style=style, emotion=emotion), start=start))
        except TextEmpty as error:
            left_out.append(error)
    if not sentences:
        raise left_out[0]
    return sentences


def style_of(utterance: Utterance) -> str:
    """The style that the last sign of a sentence asks for."""
    for token in reversed(utterance.tokens):
        if token.phone in ("?", "!"):
            return "question" if token.phone == "?" else "exclamation"
        if token.phone not in ("_", ".", ","):
            break
    return "statement"


def noise_seed(seed: int, number: int) -> tuple[int, int]:
    """A seed for each sentence of a request: streamed, whole, or by another engine, it is the same noise."""
    return seed % (1 << 64), number
