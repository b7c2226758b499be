"""A voice that speaks: text in, marked waveform out, whatever runs its model.

The text is cut at sentence ends, so that length is bounded by the caller's patience and not by the model; sentences are
spoken one by one with a short pause between. Every sample leaves marked, and its request stands in the log before it
does; see ``issuing``. No torch: ``speech`` speaks with PyTorch, ``serving.bundle_voice`` with ONNX Runtime.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from clock_train.bundle.card import VoiceCard
from clock_train.errors import ConfigError, VoiceNotFound
from clock_train.issuing.issuer import Issue, Issuer
from clock_train.models.style_labels import label_ids
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import token_ids
from clock_train.text.sentences import split_sentences
from clock_train.text.utterance import Utterance

PAUSE_SECONDS = 0.12
"""Between sentences; each ends with its own silence already."""
MIN_SPEED, MAX_SPEED = 0.25, 4.0


def normal_noise(seed: int | Sequence[int], frames: int, channels: int) -> np.ndarray:
    """(T, C) float32, frame after frame: a longer draw of one seed begins as a shorter one."""
    return np.random.default_rng(seed).standard_normal((frames, channels), dtype=np.float32)


def checked_speed(speed: float) -> float:
    """The speed, if it is one that a voice can speak at.

    Raises:
        ConfigError: it is not.
    """
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise ConfigError(f"speed is {speed}; give a number from {MIN_SPEED} to {MAX_SPEED}")
    return speed


class SayingVoice(ABC):
    """One or more speakers sharing a model.

    Args:
        card: of the voice.
        vectors: (speakers, E) float32.
        sample_rate_hz: of what it speaks.
        issuer: who marks and logs; by default the user's own installation.
        numbered_as: see ``Issuer.begin``.
    """

    def __init__(
        self,
        card: VoiceCard,
        vectors: np.ndarray,
        sample_rate_hz: int,
        *,
        issuer: Issuer | None = None,
        numbered_as: str | None = None,
    ) -> None:
        self.card, self.sample_rate_hz = card, sample_rate_hz
        self.issuer = issuer or Issuer()
        self._numbered_as = numbered_as
        self._vectors = vectors
        self.last_issue: Issue | None = None
        """Of the newest sound: its request id, payload and, once all of it has left, its report."""

    @abstractmethod
    def _speak(
        self,
        ids_3L: np.ndarray,
        vector_E: np.ndarray,
        labels: tuple[int, int],
        *,
        speed: float,
        noise_scale: float,
        seed: Sequence[int],
    ) -> np.ndarray:
        """One sentence, (N,) float32 in [-1, 1], unmarked; the noise is ``normal_noise`` of the seed."""

    def say(
        self,
        text: str,
        *,
        language: str = "auto",
        speaker: str | None = None,
        style: str = "",
        emotion: str | None = None,
        speed: float = 1.0,
        noise_scale: float = 0.5,
        seed: int = 0,
    ) -> np.ndarray:
        """Speak a text of any length.

        Args:
            text: what to say.
            language: ``auto``, or a code that ``text.frontend`` knows.
            speaker: a name in the card; None is the first.
            style: ``statement``, ``question``, ``exclamation``, or empty: taken from the last sign of each sentence.
            emotion: a label the voice was trained with.
            speed: 0.25 to 4; above 1 is faster.
            noise_scale: liveliness; 0 speaks the same each time and flatter.
            seed: the same seed gives the same samples on one machine.

        Returns:
            (N,) float32 in [-1, 1] at ``sample_rate_hz``.

        Raises:
            TextError: nothing speakable, or a language without a front-end here.
            VoiceNotFound: no such speaker.
            ConfigError: a speed out of range.
            AuditError, WatermarkError: the sound cannot be logged or marked.
        """
        return np.concatenate(list(self.say_sentences(
            text, language=language, speaker=speaker, style=style, emotion=emotion, speed=speed,
            noise_scale=noise_scale, seed=seed,
        )))  # fmt: skip

    def say_sentences(
        self,
        text: str,
        *,
        language: str = "auto",
        speaker: str | None = None,
        style: str = "",
        emotion: str | None = None,
        speed: float = 1.0,
        noise_scale: float = 0.5,
        seed: int = 0,
    ) -> Iterator[np.ndarray]:
        """As ``say``, each sentence as soon as it is spoken, with the pause before it; together they are its sound."""
        checked_speed(speed)
        vector = self._vector(speaker)
        request = {
            "language": language, "style": style, "emotion": emotion, "speed": speed, "noiseScale": noise_scale,
            "seed": seed,
        }  # fmt: skip
        pause = np.zeros(int(PAUSE_SECONDS * self.sample_rate_hz), dtype=np.float32)
        sentences = split_sentences(text, language) or [text]
        issue: Issue | None = None
        for number, sentence in enumerate(sentences):
            utterance = phonemize(sentence, language)
            labels = label_ids(style or style_of(utterance), emotion)
            # a seed for each sentence: streamed, whole, or by another engine, it is the same noise
            own_seed = (seed % (1 << 64), number)
            spoken = self._speak(
                token_ids(utterance), vector, labels, speed=speed, noise_scale=noise_scale, seed=own_seed
            )
            if issue is None:  # what cannot be read or spoken leaves no line
                issue = self._begin(text, speaker, request)
            marked = issue.push(np.concatenate([pause, spoken]) if number else spoken)
            is_last = number + 1 == len(sentences)
            yield np.concatenate([marked, issue.finish()]) if is_last else marked

    def mark(self, waveform: np.ndarray, *, text: str, speaker: str | None, what: str) -> np.ndarray:
        """Mark and log a sound that this voice's model made in another way, such as a resynthesis.

        Args:
            waveform: (N,) float32 at ``sample_rate_hz``.
            text: what is said in it.
            speaker: whose voice; None is the first.
            what: how it was made, for the log.
        """
        return self._begin(text, speaker, {"what": what}).mark(waveform)

    def _begin(self, text: str, speaker: str | None, request: dict[str, object]) -> Issue:
        speakers = self.card.speakers
        own = speaker or (speakers[0] if speakers else "")
        name = self.card.name if len(speakers) < 2 else f"{self.card.name}/{own}"
        self.last_issue = self.issuer.begin(
            text=text,
            voice=name,
            consent_ids=self.card.consent_ids,
            sample_rate_hz=self.sample_rate_hz,
            request={**request, "speaker": own, "version": self.card.version, "corpus": self.card.corpus_revision},
            numbered_as=self._numbered_as,
        )
        return self.last_issue

    def _vector(self, speaker: str | None) -> np.ndarray:
        if speaker is None:
            return self._vectors[0]
        if speaker not in self.card.speakers:
            raise VoiceNotFound(
                f'the voice "{self.card.name}" has no speaker "{speaker}"; it has {", ".join(self.card.speakers)}'
            )
        return self._vectors[self.card.speakers.index(speaker)]


def style_of(utterance: Utterance) -> str:
    """The style that the last sign of a sentence asks for."""
    for token in reversed(utterance.tokens):
        if token.phone in ("?", "!"):
            return "question" if token.phone == "?" else "exclamation"
        if token.phone not in ("_", ".", ","):
            break
    return "statement"
