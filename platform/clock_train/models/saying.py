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
from clock_train.errors import ConfigError
from clock_train.issuing.issuer import Issue, Issuer
from clock_train.models.sentences import noise_seed, read_sentence, sentence_texts

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
        vector = self._vectors[self.card.speaker_index(speaker)]
        request = {
            "language": language, "style": style, "emotion": emotion, "speed": speed, "noiseScale": noise_scale,
            "seed": seed,
        }  # fmt: skip
        sentences = sentence_texts(text, language)
        issue: Issue | None = None
        for number, written in enumerate(sentences):
            sentence = read_sentence(written, language, style=style, emotion=emotion)
            spoken = self._speak(
                sentence.ids_3L, vector, sentence.labels,
                speed=speed, noise_scale=noise_scale, seed=noise_seed(seed, number),
            )  # fmt: skip
            if issue is None:  # what cannot be read or spoken leaves no line
                issue = self._begin(text, speaker, request)
            pause = np.zeros(sentence.pause_samples(number, self.sample_rate_hz), dtype=np.float32)
            marked = issue.push(np.concatenate([pause, spoken]))
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
        self.last_issue = self.issuer.begin_for(
            self.card,
            speaker,
            text=text,
            sample_rate_hz=self.sample_rate_hz,
            request=request,
            numbered_as=self._numbered_as,
        )
        return self.last_issue
