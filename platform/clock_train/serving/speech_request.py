"""One request of a voice model, and the marked samples that answer it. Knows nothing of Triton."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from clock_train.errors import SpeechInputInvalid, TextTooLong, WatermarkKeyInvalid
from clock_train.issuing.access import ASKED_DIRECTLY
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issue, Issuer
from clock_train.issuing.switch import unmarked
from clock_train.labels.claim import Origin
from clock_train.models.saying import checked_speed
from clock_train.models.sentences import Sentence, noise_seed, read_sentences
from clock_train.serving.voice_model import MAX_PAUSE_S, MAX_PAUSES_S, MAX_PHONES, MAX_SENTENCE_PHONES, Timings
from clock_train.watermark.embed import Marker
from clock_train.watermark.payload import Payload

if TYPE_CHECKING:  # a gateway asks, and runs no graph
    from clock_train.serving.onnx_voice import OnnxVoice, Reading

MAX_TEXT_CHARACTERS = 5_000
"""Of one request: about fifteen minutes of speech."""
KEPT_FRAMES = 4_000
"""About a minute that is read once where durations are told ahead; what comes after is read again when it is spoken,
or its latents would take tens of megabytes a request."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What whoever logged the request wants in its mark."""

    payload: str
    key_id: str

    @classmethod
    def of(cls, issue: Issue) -> Mark:
        """That of a line which is in the log."""
        return cls(payload=issue.origin.payload, key_id=issue.key_id)


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
    request_id: str | None = None
    """Whose line in the log it is; None makes one of what is asked, so that the same is the same to the last bit."""
    mark: Mark | None = None
    """None: the voice's default payload, and a line in the log that is written here."""
    timings: Timings = Timings.NEVER


def answer(
    engine: OnnxVoice,
    request: SpeechRequest,
    installation: Installation,
    *,
    tell: Callable[[np.ndarray], None] = lambda durations: None,
) -> Generator[np.ndarray, None, None]:
    """The marked samples of a request, in chunks.

    Args:
        engine: speaks it.
        request: its text is read here where it was not before.
        installation: whose keys mark it.
        tell: takes durations of phones, (L,) int64 in frames, when the request says so.

    Yields:
        (N,) float32 in [-1, 1], none empty.

    Raises:
        ClockTrainError: the first chunk asks for what cannot be spoken, marked or logged.
    """
    checked_speed(request.speed)
    vector = engine.vectors_SE[engine.card.speaker_index(request.speaker)]
    sentences = request.sentences
    if request.text is not None:
        refuse_long(request.text)
        sentences = read_sentences(request.text, request.language)
    _refuse_lengths(sentences)
    _refuse_manners(sentences, request.speed)

    def read(number: int) -> Reading:
        sentence = sentences[number]
        return engine.read_durations(
            sentence.ids_3L,
            vector,
            labels=sentence.labels,
            speed=request.speed * sentence.speed,
            noise_scale=request.noise_scale,
            seed=noise_seed(request.seed, number),
        )

    ahead = _read_ahead(read, len(sentences), tell) if request.timings is Timings.AHEAD else {}
    issue: Issue | None = None
    for number, sentence in enumerate(sentences):
        reading = ahead.pop(number) if number in ahead else read(number)
        if request.timings is Timings.EACH:
            tell(reading.durations_L)
        silence = np.zeros(sentence.pause_samples(number, engine.sample_rate_hz), dtype=np.float32)
        for at, chunk in enumerate(engine.stream_read(reading)):
            if issue is None:  # what cannot be spoken leaves no line
                issue = _issue(engine, request, installation)
            spoken = np.clip(chunk, -1.0, 1.0)
            marked = issue.push(spoken if at else np.concatenate([silence, spoken]))
            if len(marked):
                yield marked
    assert issue is not None
    rest = issue.finish()
    if len(rest):
        yield rest


def _read_ahead(read: Callable[[int], Reading], count: int, tell: Callable[[np.ndarray], None]) -> dict[int, Reading]:
    """Tell all durations; the sentences that are kept read."""
    durations, kept, num_frames = [], {}, 0
    for number in range(count):
        reading = read(number)
        durations.append(reading.durations_L)
        num_frames += reading.latent_1CT.shape[2]
        if num_frames <= KEPT_FRAMES:
            kept[number] = reading
    tell(np.concatenate(durations))
    return kept


def refuse_long(text: str) -> None:
    """Raise where a text is more than one request may hold.

    Raises:
        TextTooLong: as it says.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(
            f"the text has {len(text)} characters, the limit of one request is {MAX_TEXT_CHARACTERS}; send it in parts"
        )


def _issue(engine: OnnxVoice, request: SpeechRequest, installation: Installation) -> Issue:
    card = engine.card
    if request.mark is not None:
        request_id = request.request_id or request.mark.payload
        return _logged_before(request.mark, request_id, engine.sample_rate_hz, installation)
    said = request.text
    if said is None:
        said = " ".join(sentence.ids_3L.tobytes().hex() for sentence in request.sentences)
    facts = {
        "speed": request.speed, "noiseScale": request.noise_scale, "seed": request.seed, "speaker": request.speaker,
        "version": card.version, "corpus": card.corpus_revision, "language": request.language,
    }  # fmt: skip
    if any(sentence.pause_s is not None or sentence.speed != 1.0 for sentence in request.sentences):
        facts["manners"] = [[sentence.pause_s, sentence.speed] for sentence in request.sentences]
    return Issuer(installation).begin(
        text=said,
        voice=card.voice_name(request.speaker),
        consent_ids=card.consent_ids,
        sample_rate_hz=engine.sample_rate_hz,
        request=facts,
        request_id=request.request_id,
        by=ASKED_DIRECTLY,
    )


def _logged_before(mark: Mark, request_id: str, sample_rate_hz: int, installation: Installation) -> Issue:
    """Its line was written by whoever chose the payload; only a key of this installation can mark it."""
    payload = Payload.from_hex(mark.payload)
    key = installation.keys(datetime.now(UTC).date()).embedding_key(payload.date)
    if key.key_id != mark.key_id:
        raise WatermarkKeyInvalid(
            f'key "{mark.key_id}" does not mark sounds of {payload.date} here; take the key id of the log\'s line, or '
            "send neither payload nor key id"
        )
    origin = Origin(payload=payload.hex, request_id=request_id, created="")
    if unmarked(installation) is not None:
        return Issue(None, origin, installation, key_id=key.key_id)
    marker = Marker(key, payload, sample_rate_hz=sample_rate_hz, request_id=request_id)
    return Issue(marker, origin, installation, key_id=key.key_id)


def _refuse_lengths(sentences: Sequence[Sentence]) -> None:
    lengths = [sentence.ids_3L.shape[-1] for sentence in sentences]
    if not lengths or min(lengths) < 1:
        raise SpeechInputInvalid("there is nothing to say; give text, or phones with the length of each sentence")
    if max(lengths) > MAX_SENTENCE_PHONES or sum(lengths) > MAX_PHONES:
        raise SpeechInputInvalid(
            f"the longest sentence has {max(lengths)} phones and all have {sum(lengths)}; at most "
            f"{MAX_SENTENCE_PHONES} and {MAX_PHONES} are spoken in one request: cut the text"
        )


def _refuse_manners(sentences: Sequence[Sentence], speed: float) -> None:
    for sentence in sentences:
        checked_speed(speed * sentence.speed)
    pauses_s = [sentence.pause_s or 0.0 for sentence in sentences]
    if not all(0.0 <= pause_s <= MAX_PAUSE_S for pause_s in pauses_s) or sum(pauses_s) > MAX_PAUSES_S:
        raise SpeechInputInvalid(
            f"pauses of {max(pauses_s):g} s and {sum(pauses_s):g} s in all; a sentence has at most {MAX_PAUSE_S:g} s "
            f"before it and a request {MAX_PAUSES_S:g} s"
        )
