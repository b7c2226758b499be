"""One request of a voice model, and the marked samples that answer it. Knows nothing of Triton."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from clock_train.bundle.card import VoiceCard
from clock_train.errors import SpeechInputInvalid, TextTooLong, VoiceNotFound, WatermarkKeyInvalid
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issue, Issuer
from clock_train.issuing.switch import unmarked
from clock_train.labels.claim import Origin
from clock_train.models.saying import PAUSE_SECONDS, checked_speed, style_of
from clock_train.models.style_labels import label_ids
from clock_train.serving.onnx_voice import OnnxVoice
from clock_train.serving.voice_model import MAX_PHONES, MAX_SENTENCE_PHONES
from clock_train.watermark.embed import Marker
from clock_train.watermark.payload import Payload

MAX_TEXT_CHARACTERS = 5_000
"""Of one request: about fifteen minutes of speech."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, read."""

    ids_3L: np.ndarray
    """Of ``text.inventory.token_ids``."""
    labels: tuple[int, int] = (0, 0)
    """Style and emotion."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What whoever logged the request wants in its mark."""

    payload: str
    key_id: str
    request_id: str


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """What to say, and how. Exactly one of ``text`` and ``sentences`` says what."""

    text: str | None = None
    language: str = "auto"
    sentences: Sequence[Sentence] = field(default_factory=list)
    speaker: str | None = None
    speed: float = 1.0
    noise_scale: float = 0.5
    seed: int = 0
    mark: Mark | None = None
    """None: the voice's default payload, and a line in the log that is written here."""


def read_sentences(text: str, language: str = "auto", *, style: str = "", emotion: str | None = None) -> list[Sentence]:
    """The sentences of a text, each with the style that its last sign asks for.

    Raises:
        TextError: nothing speakable, too much, or a language without a front-end here.
    """
    # here and not above: dictionaries are megabytes, and a model that is given phones never needs them
    from clock_train.text.frontend import phonemize
    from clock_train.text.inventory import token_ids
    from clock_train.text.sentences import split_sentences

    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(
            f"the text has {len(text)} characters, the limit of one request is {MAX_TEXT_CHARACTERS}; send it in parts"
        )
    read = []
    for sentence in split_sentences(text, language) or [text]:
        utterance = phonemize(sentence, language)
        read.append(Sentence(token_ids(utterance), label_ids(style or style_of(utterance), emotion)))
    return read


def answer(engine: OnnxVoice, request: SpeechRequest, installation: Installation) -> Generator[np.ndarray, None, None]:
    """The marked samples of a request, in chunks.

    Args:
        engine: speaks it.
        request: its text is read here where it was not before.
        installation: whose keys mark it.

    Yields:
        (N,) float32 in [-1, 1], none empty.

    Raises:
        ClockTrainError: the first chunk asks for what cannot be spoken, marked or logged.
    """
    checked_speed(request.speed)
    vector = _vector(engine, request.speaker)
    sentences = request.sentences
    if request.text is not None:
        sentences = read_sentences(request.text, request.language)
    _refuse_lengths(sentences)
    pause = np.zeros(int(PAUSE_SECONDS * engine.sample_rate_hz), dtype=np.float32)
    issue: Issue | None = None
    for number, sentence in enumerate(sentences):
        chunks = engine.stream(
            sentence.ids_3L,
            vector,
            labels=sentence.labels,
            speed=request.speed,
            noise_scale=request.noise_scale,
            seed=(request.seed % (1 << 64), number),
        )
        for at, chunk in enumerate(chunks):
            if issue is None:  # what cannot be spoken leaves no line
                issue = _issue(engine, request, installation)
            spoken = np.clip(chunk, -1.0, 1.0)
            marked = issue.push(np.concatenate([pause, spoken]) if number and not at else spoken)
            if len(marked):
                yield marked
    assert issue is not None
    rest = issue.finish()
    if len(rest):
        yield rest


def voice_name(card: VoiceCard, speaker: str | None) -> str:
    """What the log and the number in a mark call a speaker of a voice."""
    own = speaker or (card.speakers[0] if card.speakers else "")
    return card.name if len(card.speakers) < 2 else f"{card.name}/{own}"


def _issue(engine: OnnxVoice, request: SpeechRequest, installation: Installation) -> Issue:
    card = engine.card
    if request.mark is not None:
        return _logged_before(request.mark, engine.sample_rate_hz, installation)
    said = request.text
    if said is None:
        said = " ".join(sentence.ids_3L.tobytes().hex() for sentence in request.sentences)
    facts = {
        "speed": request.speed, "noiseScale": request.noise_scale, "seed": request.seed, "speaker": request.speaker,
        "version": card.version, "corpus": card.corpus_revision, "language": request.language,
    }  # fmt: skip
    return Issuer(installation).begin(
        text=said,
        voice=voice_name(card, request.speaker),
        consent_ids=card.consent_ids,
        sample_rate_hz=engine.sample_rate_hz,
        request=facts,
    )


def _logged_before(mark: Mark, sample_rate_hz: int, installation: Installation) -> Issue:
    """Its line was written by whoever chose the payload; only a key of this installation can mark it."""
    payload = Payload.from_hex(mark.payload)
    key = installation.keys(datetime.now(UTC).date()).embedding_key(payload.date)
    if key.key_id != mark.key_id:
        raise WatermarkKeyInvalid(
            f'key "{mark.key_id}" does not mark sounds of {payload.date} here; take the key id of the log\'s line, or '
            "send neither payload nor key id"
        )
    origin = Origin(payload=payload.hex, request_id=mark.request_id, created="")
    if unmarked(installation) is not None:
        return Issue(None, origin, installation)
    return Issue(Marker(key, payload, sample_rate_hz=sample_rate_hz, request_id=mark.request_id), origin, installation)


def _vector(engine: OnnxVoice, speaker: str | None) -> np.ndarray:
    speakers = engine.card.speakers
    if speaker is None:
        return engine.vectors_SE[0]
    if speaker not in speakers:
        raise VoiceNotFound(f'the voice "{engine.card.name}" has no speaker "{speaker}"; it has {", ".join(speakers)}')
    return engine.vectors_SE[speakers.index(speaker)]


def _refuse_lengths(sentences: Sequence[Sentence]) -> None:
    lengths = [sentence.ids_3L.shape[-1] for sentence in sentences]
    if not lengths or min(lengths) < 1:
        raise SpeechInputInvalid("there is nothing to say; give text, or phones with the length of each sentence")
    if max(lengths) > MAX_SENTENCE_PHONES or sum(lengths) > MAX_PHONES:
        raise SpeechInputInvalid(
            f"the longest sentence has {max(lengths)} phones and all have {sum(lengths)}; at most "
            f"{MAX_SENTENCE_PHONES} and {MAX_PHONES} are spoken in one request: cut the text"
        )
