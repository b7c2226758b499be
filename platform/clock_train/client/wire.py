"""Requests and answers of ``clocktrain.speech.v1`` as plain values, and its errors as the server's own classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from clock_train import errors
from clock_train.api.speech_v1 import speech_pb2
from clock_train.client.sounds import Spoken, SpokenPiece, Timed, VoiceFacts
from clock_train.errors import ClockTrainError, RequestInvalid, ServerUnavailable

ENCODINGS = {
    "pcm": speech_pb2.AUDIO_ENCODING_PCM_S16LE,
    "wav": speech_pb2.AUDIO_ENCODING_WAV,
    "mp3": speech_pb2.AUDIO_ENCODING_MP3,
    "opus": speech_pb2.AUDIO_ENCODING_OGG_OPUS,
    "flac": speech_pb2.AUDIO_ENCODING_FLAC,
    "aac": speech_pb2.AUDIO_ENCODING_AAC_ADTS,
}
KINDS = {
    "sentence": speech_pb2.TIMEPOINT_KIND_SENTENCE,
    "word": speech_pb2.TIMEPOINT_KIND_WORD,
    "phone": speech_pb2.TIMEPOINT_KIND_PHONE,
    "viseme": speech_pb2.TIMEPOINT_KIND_VISEME,
    "mark": speech_pb2.TIMEPOINT_KIND_MARK,
}
_KIND_NAMES = {number: name for name, number in KINDS.items()}
RETRIED = '{"methodConfig": [{"name": [{"service": "clocktrain.speech.v1.SpeechService"}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}'  # noqa: E501
"""gRPC itself asks again while nothing was answered: a server that restarts costs a wait."""
OPTIONS = [("grpc.service_config", RETRIED), ("grpc.enable_retries", 1)]


@dataclass(frozen=True, kw_only=True)
class Said:
    """One line of a script of several voices."""

    text: str
    voice: str
    speed: float = 1.0
    pause_s: float | None = None
    """Silence before it; None is what usually stands between sentences."""
    language: str = ""
    style: str = ""
    emotion: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to say, and how."""

    text: str = ""
    voice: str = ""
    script: Sequence[Said] = ()
    ssml: str = ""
    format: str = "wav"
    sample_rate_hz: int = 0
    """0: the voice's own."""
    speed: float = 1.0
    volume_gain_db: float = 0.0
    language: str = ""
    style: str = ""
    emotion: str = ""
    lexicon: str = ""
    seed: int = 0
    audible_label: bool = False
    """Four tones first that say to people: made by a machine."""
    timed: Sequence[str] = ()
    """Kinds to time: sentence, word, phone, viseme, mark."""

    def fields(self) -> dict[str, Any]:
        """Of either request.

        Raises:
            RequestInvalid: a format or a kind that there is not.
        """
        if self.format not in ENCODINGS:
            raise RequestInvalid(f"format is {self.format}; give one of {', '.join(ENCODINGS)}", field="format")
        unknown = [kind for kind in self.timed if kind not in KINDS]
        if unknown:
            raise RequestInvalid(f"timed has {unknown[0]}; give kinds of {', '.join(KINDS)}", field="timed")
        utterance = speech_pb2.Utterance(
            text=self.text, voice=self.voice, ssml=self.ssml, language=self.language, style=self.style,
            emotion=self.emotion, speed=self.speed, seed=self.seed, lexicon=self.lexicon,
        )  # fmt: skip
        options = speech_pb2.AudioOptions(
            encoding=ENCODINGS[self.format], sample_rate_hz=self.sample_rate_hz, volume_gain_db=self.volume_gain_db,
            timepoints=[KINDS[kind] for kind in self.timed], audible_label=self.audible_label,
        )  # fmt: skip
        return {"utterance": utterance, "options": options, "script": [_line(line) for line in self.script]}


def _line(said: Said) -> speech_pb2.ScriptLine:
    return speech_pb2.ScriptLine(
        text=said.text, voice=said.voice, speed=said.speed, pause_seconds=said.pause_s, language=said.language,
        style=said.style, emotion=said.emotion,
    )  # fmt: skip


def live_settings(asked: Asked) -> speech_pb2.SynthesizeLiveRequest:
    """The first message of a text that is being written.

    Raises:
        RequestInvalid: a format or a kind that there is not, or text that is written already.
    """
    if asked.script or asked.ssml or asked.text:
        raise RequestInvalid(
            "what is spoken live is plain text as it comes; give no script, ssml or text", field="input"
        )
    fields = asked.fields()
    settings = speech_pb2.LiveSettings(utterance=fields["utterance"], options=fields["options"])
    return speech_pb2.SynthesizeLiveRequest(settings=settings)


def live_request(text: str) -> speech_pb2.SynthesizeLiveRequest:
    """What was written; nothing: say what there is."""
    if text:
        return speech_pb2.SynthesizeLiveRequest(text=text)
    return speech_pb2.SynthesizeLiveRequest(flush=True)


def live_requests(asked: Asked, texts: Iterable[str]) -> Iterator[speech_pb2.SynthesizeLiveRequest]:
    """All messages, with the settings first; what is wrong with them is told at once."""
    return chain([live_settings(asked)], map(live_request, texts))


def timed_of(points: Iterable[speech_pb2.Timepoint]) -> list[Timed]:
    """As they came."""
    return [
        Timed(
            kind=_KIND_NAMES.get(point.kind, ""), value=point.value, start_s=point.start_seconds,
            end_s=point.end_seconds, char_start=point.char_start, char_end=point.char_end,
        )
        for point in points
    ]  # fmt: skip


def piece_of(part: speech_pb2.SynthesizeStreamResponse | speech_pb2.SynthesizeLiveResponse) -> SpokenPiece:
    """One part with audio."""
    return SpokenPiece(content=part.audio, timed=timed_of(part.timepoints))


def spoken_of(answer: speech_pb2.SynthesizeResponse, asked: Asked) -> Spoken:
    """A whole answer."""
    return Spoken(
        content=answer.audio, format=asked.format, sample_rate_hz=answer.format.sample_rate_hz,
        voice=answer.format.voice, request_id=answer.format.request_id, characters=answer.summary.characters,
        seconds=answer.summary.audio_seconds, timed=timed_of(answer.timepoints),
    )  # fmt: skip


def voices_of(answer: speech_pb2.ListVoicesResponse) -> list[VoiceFacts]:
    """As they are listed."""
    return [
        VoiceFacts(
            name=voice.name, version=voice.version, aliases=list(voice.aliases), languages=list(voice.languages),
            speakers=list(voice.speakers), sample_rate_hz=voice.sample_rate_hz,
        )
        for voice in answer.voices
    ]  # fmt: skip


def metadata(key: str | None, request_id: str | None) -> list[tuple[str, str]]:
    """What goes with a call."""
    given = [("authorization", f"Bearer {key}")] if key else []
    return [*given, *([("x-request-id", request_id)] if request_id else [])]


def credentials(ca: Path | None) -> grpc.ChannelCredentials:
    """Of TLS.

    Args:
        ca: file with the certificate that signed the server's; None trusts the machine's.

    Raises:
        ServerUnavailable: the file cannot be read.
    """
    try:
        return grpc.ssl_channel_credentials(None if ca is None else ca.read_bytes())
    except OSError as error:
        raise ServerUnavailable(f'"{ca}" cannot be read ({error.strerror}); name the file of the CA') from error


def error_of(error: grpc.RpcError) -> ClockTrainError:
    """The server's own error where it told one; else what became of the connection."""
    status = rpc_status.from_call(error)  # pyright: ignore[reportArgumentType]
    for detail in () if status is None else status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            name = "".join(part.capitalize() for part in info.reason.split("_"))
            kind = getattr(errors, name, None)
            said = status.message.removeprefix(f"{name}: ") if status is not None else ""
            if isinstance(kind, type) and issubclass(kind, ClockTrainError):
                return told_error(kind, said)
    code = error.code().name if hasattr(error, "code") else ""  # pyright: ignore[reportAttributeAccessIssue]
    words = error.details() if hasattr(error, "details") else str(error)  # pyright: ignore[reportAttributeAccessIssue]
    return ServerUnavailable(f"the server of voices did not answer ({code}: {words}); look whether it runs, and where")


def told_error(kind: type[ClockTrainError], said: str) -> ClockTrainError:
    """An error of the server's class; one that has figures is without them here."""
    error = kind.__new__(kind)
    ClockTrainError.__init__(error, said)
    for name in ("limit", "remaining", "reset_s", "retry_after_s", "field"):
        if not hasattr(error, name):
            setattr(error, name, None)
    return error
