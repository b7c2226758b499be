"""The gRPC door: ``clocktrain.speech.v1`` with health, reflection and google.rpc error details."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from clock_train.accounts.keys import KeyScope
from clock_train.api.callers import Callers
from clock_train.api.desk import SpeechDesk, request_id_of
from clock_train.api.live_lines import live_lines, live_settings
from clock_train.api.orders import Line, Order
from clock_train.api.problems import problem_of
from clock_train.api.request_content import MOST_BODY_BYTES
from clock_train.api.sounds import UNCODED, Sound, sound_of
from clock_train.api.speech_body import SIZED
from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.api.tls import TlsFolder
from clock_train.api.tracing import TRACEPARENT
from clock_train.api.wording import Said, Wording, ssml_lines
from clock_train.errors import RequestInvalid, ServerPortTaken, SpeechTooLong
from clock_train.labels.live import LiveFormat
from clock_train.serving.timepoints import Kind, Timepoint
from clock_train.text.lexicon_folder import LexiconFolder
from clock_train.text.ssml import read_ssml

DOMAIN = "clocktrain.dev"
SERVICE = speech_pb2.DESCRIPTOR.services_by_name["SpeechService"].full_name
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
MOST_ANSWER_BYTES = 3_500_000
"""Clients refuse messages over 4 MB unless told otherwise."""
FIELDS = {
    "input": "utterance.text", "response_format": "options.encoding", "sample_rate": "options.sample_rate_hz",
    "volume_gain_db": "options.volume_gain_db", "timestamps": "options.timepoints", "script": "script",
}  # fmt: skip
"""HTTP's names of fields that gRPC calls otherwise; the rest are of the utterance."""

FORMATS = {
    speech_pb2.AUDIO_ENCODING_UNSPECIFIED: LiveFormat.PCM,
    speech_pb2.AUDIO_ENCODING_PCM_S16LE: LiveFormat.PCM,
    speech_pb2.AUDIO_ENCODING_WAV: LiveFormat.WAV,
    speech_pb2.AUDIO_ENCODING_MP3: LiveFormat.MP3,
    speech_pb2.AUDIO_ENCODING_OGG_OPUS: LiveFormat.OPUS,
    speech_pb2.AUDIO_ENCODING_FLAC: LiveFormat.FLAC,
    speech_pb2.AUDIO_ENCODING_AAC_ADTS: LiveFormat.AAC,
}
ENCODINGS = {format: encoding for encoding, format in FORMATS.items()}
KINDS = {
    speech_pb2.TIMEPOINT_KIND_SENTENCE: Kind.SENTENCE,
    speech_pb2.TIMEPOINT_KIND_WORD: Kind.WORD,
    speech_pb2.TIMEPOINT_KIND_PHONE: Kind.PHONE,
    speech_pb2.TIMEPOINT_KIND_VISEME: Kind.VISEME,
    speech_pb2.TIMEPOINT_KIND_MARK: Kind.MARK,
}
NUMBERS = {kind: number for number, kind in KINDS.items()}


class SpeechService(speech_pb2_grpc.SpeechServiceServicer):
    """The calls of the .proto, which says what they take and give."""

    def __init__(self, desk: SpeechDesk, callers: Callers, lexicons: LexiconFolder) -> None:
        self._desk, self._callers, self._lexicons = desk, callers, lexicons

    async def Synthesize(
        self, request: speech_pb2.SynthesizeRequest, context: grpc.aio.ServicerContext
    ) -> speech_pb2.SynthesizeResponse:
        """A whole sound."""
        request_id = _request_id(context)
        try:
            async with self._sound(request, context, request_id, is_measured=True) as sound:
                _refuse_big(sound)
                content, points = bytearray(), []
                async for piece in sound.pieces():
                    content += piece.content
                    points += piece.points
                    if len(content) > MOST_ANSWER_BYTES:
                        raise _too_long()
                return speech_pb2.SynthesizeResponse(
                    format=_format(sound),
                    audio=bytes(content),
                    timepoints=map(_timepoint, points),
                    summary=_summary(sound),
                )
        except Exception as error:
            await _refuse(context, error, request_id)

    async def SynthesizeStream(
        self, request: speech_pb2.SynthesizeStreamRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[speech_pb2.SynthesizeStreamResponse]:
        """A header, then audio, then what was used."""
        request_id = _request_id(context)
        try:
            async with self._sound(request, context, request_id, is_measured=False) as sound:
                yield speech_pb2.SynthesizeStreamResponse(format=_format(sound))
                async for piece in sound.pieces():
                    timed = map(_timepoint, piece.points)
                    yield speech_pb2.SynthesizeStreamResponse(audio=piece.content, timepoints=timed)
                yield speech_pb2.SynthesizeStreamResponse(summary=_summary(sound))
        except Exception as error:
            await _refuse(context, error, request_id)

    async def SynthesizeLive(
        self,
        request_iterator: AsyncIterator[speech_pb2.SynthesizeLiveRequest],
        context: grpc.aio.ServicerContext,
    ) -> AsyncIterator[speech_pb2.SynthesizeLiveResponse]:
        """A header, then audio while text comes, then what was used."""
        request_id = _request_id(context)
        try:
            async with self._live_sound(request_iterator, context, request_id) as sound:
                yield speech_pb2.SynthesizeLiveResponse(format=_format(sound))
                async for piece in sound.pieces():
                    timed = map(_timepoint, piece.points)
                    yield speech_pb2.SynthesizeLiveResponse(audio=piece.content, timepoints=timed)
                yield speech_pb2.SynthesizeLiveResponse(summary=_summary(sound))
        except Exception as error:
            await _refuse(context, error, request_id)

    @asynccontextmanager
    async def _live_sound(
        self,
        requests: AsyncIterator[speech_pb2.SynthesizeLiveRequest],
        context: grpc.aio.ServicerContext,
        request_id: str,
    ) -> AsyncIterator[Sound]:
        caller = await self._callers.identify(_metadata(context, "authorization"), KeyScope.SPEECH_SYNTHESIZE)
        settings = await live_settings(requests)
        # a message of that kind has the same words and options
        asked = speech_pb2.SynthesizeStreamRequest(utterance=settings.utterance, options=settings.options)
        order = _order(asked, Wording(self._lexicons, caller.tenant), is_measured=False, is_worded=False)
        (manner,) = order.lines

        def worded(line: Line) -> list[Line]:
            return _worded([line], settings.utterance, Wording(self._lexicons, caller.tenant))

        written = live_lines(requests, manner, worded)
        speech = await self._desk.begin(order, request_id, caller, _carried(context), written=written)
        sound = await sound_of(speech, _live_format(asked), settings.options.sample_rate_hz or speech.rate_hz)
        try:
            yield sound
        finally:
            await sound.close()

    @asynccontextmanager
    async def _sound(
        self,
        request: speech_pb2.SynthesizeRequest | speech_pb2.SynthesizeStreamRequest,
        context: grpc.aio.ServicerContext,
        request_id: str,
        *,
        is_measured: bool,
    ) -> AsyncIterator[Sound]:
        caller = await self._callers.identify(_metadata(context, "authorization"), KeyScope.SPEECH_SYNTHESIZE)
        format = _live_format(request)
        wording = Wording(self._lexicons, caller.tenant)
        order = await asyncio.to_thread(_order, request, wording, is_measured=is_measured or format in SIZED)
        speech = await self._desk.begin(order, request_id, caller, _carried(context))
        # a voice's own rate, also for samples: a caller of gRPC reads it from the header
        sound = await sound_of(speech, format, request.options.sample_rate_hz or speech.rate_hz)
        try:
            yield sound
        finally:
            await sound.close()

    async def ListVoices(
        self, request: speech_pb2.ListVoicesRequest, context: grpc.aio.ServicerContext
    ) -> speech_pb2.ListVoicesResponse:
        """The voices that can be asked for."""
        try:
            authorization = _metadata(context, "authorization")
            caller = await self._callers.identify(authorization, KeyScope.VOICES_READ, is_list=True)
        except Exception as error:
            await _refuse(context, error, _request_id(context))
        return speech_pb2.ListVoicesResponse(
            voices=[
                speech_pb2.Voice(
                    name=voice.card.name,
                    version=voice.card.version,
                    languages=voice.card.languages,
                    speakers=voice.card.speakers,
                    sample_rate_hz=voice.sample_rate_hz,
                    digest=voice.digest,
                    aliases=self._desk.catalogue.aliases_of(voice),
                )
                for voice in self._desk.catalogue.voices
                if caller.may_hear(voice.card.name)
            ]
        )


class GrpcDoor:
    """The server of it.

    Args:
        desk: takes the orders.
        callers: knows keys.
        host: address to listen on.
        port: 0 takes a free one.
        tls: None speaks plainly.

    Raises:
        ServerPortTaken: somebody else listens there.
    """

    def __init__(
        self,
        desk: SpeechDesk,
        callers: Callers,
        lexicons: LexiconFolder,
        *,
        host: str,
        port: int,
        tls: TlsFolder | None = None,
    ) -> None:
        # by default two servers may share a port, and each gets a part of the calls
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MOST_BODY_BYTES)]
        self._server = grpc.aio.server(options=options)
        self._health: Any = vars(health)["aio"].HealthServicer()  # added where Python allows it
        speech_pb2_grpc.add_SpeechServiceServicer_to_server(SpeechService(desk, callers, lexicons), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, HEALTH, reflection.SERVICE_NAME), self._server)
        try:
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            if tls is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, tls.grpc_credentials())
        except RuntimeError as error:
            raise ServerPortTaken(
                f"port {port} of {host} cannot be had; name another port, or 0 to get a free one"
            ) from error

    async def start(self) -> None:
        """Take calls."""
        await self._server.start()

    async def say_ready(self, is_ready: bool) -> None:
        """What the health service answers from now on."""
        kinds = health_pb2.HealthCheckResponse
        status = kinds.SERVING if is_ready else kinds.NOT_SERVING
        for name in ("", SERVICE):
            await self._health.set(name, status)

    async def stop(self, grace_s: float) -> None:
        """Take no more calls; those that run get this long."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)


def _live_format(request: speech_pb2.SynthesizeRequest | speech_pb2.SynthesizeStreamRequest) -> LiveFormat:
    encoding = request.options.encoding or request.encoding
    if encoding not in FORMATS:
        raise RequestInvalid("encoding is none that there is; give one of AudioEncoding", field="response_format")
    return FORMATS[encoding]


def _order(
    request: speech_pb2.SynthesizeRequest | speech_pb2.SynthesizeStreamRequest,
    wording: Wording,
    *,
    is_measured: bool,
    is_worded: bool = True,
) -> Order:
    said, options = request.utterance, request.options
    lines, ignored = _lines(request)
    unknown = [kind for kind in options.timepoints if kind not in KINDS]
    if unknown:
        raise RequestInvalid(f"timepoints has {unknown[0]}; give kinds of TimepointKind", field="timestamps")
    return Order(
        lines=_worded(lines, said, wording) if is_worded else lines,
        ignored=ignored,
        speed=said.speed if said.HasField("speed") else 1.0,
        gain_db=options.volume_gain_db,
        seed=said.seed,
        has_audible_label=options.audible_label,
        timed=frozenset(KINDS[kind] for kind in options.timepoints),
        is_measured=is_measured,
    )


def _worded(lines: Sequence[Line], said: speech_pb2.Utterance, wording: Wording) -> list[Line]:
    """With what the lexicon and the pronunciations of an utterance say of their words."""
    pronunciations = [
        Said(phrase=one.phrase, phones=one.phones or None, alias=one.alias or None) for one in said.pronunciations
    ]
    return wording.said(lines, lexicon=said.lexicon, pronunciations=pronunciations)


def _lines(
    request: speech_pb2.SynthesizeRequest | speech_pb2.SynthesizeStreamRequest,
) -> tuple[list[Line], Sequence[str]]:
    """What is to be said, and what of it has no effect."""
    said = request.utterance
    if request.script:
        if said.text or said.ssml or said.voice:
            raise RequestInvalid("give either a script or the utterance's text and voice", field="script")
        return [_script_line(line) for line in request.script], ()
    line = Line(text=said.text, voice=said.voice, language=said.language, style=said.style, emotion=said.emotion)
    if not said.ssml:
        return [line], ()
    if said.text:
        raise RequestInvalid("give either text or ssml", field="input")
    ssml = read_ssml(said.ssml, language=said.language or "auto")
    return ssml_lines(ssml, line), ssml.ignored


def _script_line(line: speech_pb2.ScriptLine) -> Line:
    return Line(
        text=line.text,
        voice=line.voice,
        language=line.language,
        style=line.style,
        emotion=line.emotion,
        speed=line.speed if line.HasField("speed") else 1.0,
        pause_s=line.pause_seconds if line.HasField("pause_seconds") else None,
    )


def _refuse_big(sound: Sound) -> None:
    """Before anything is spoken, where the length of samples is known."""
    is_known = sound.format in UNCODED and sound.whole_seconds is not None
    if is_known and 2 * sound.rate_hz * (sound.whole_seconds or 0.0) > MOST_ANSWER_BYTES:
        raise _too_long()


def _too_long() -> SpeechTooLong:
    return SpeechTooLong(f"the sound is over {MOST_ANSWER_BYTES} bytes; call SynthesizeStream, or send less text")


def _format(sound: Sound) -> speech_pb2.AudioFormat:
    return speech_pb2.AudioFormat(
        encoding=ENCODINGS[sound.format],
        sample_rate_hz=sound.rate_hz,
        channels=1,
        voice=sound.speech.voice.label,
        request_id=sound.speech.request_id,
        audio_seconds=sound.whole_seconds,
        ignored=sound.speech.ignored,
    )


def _summary(sound: Sound) -> speech_pb2.Summary:
    return speech_pb2.Summary(characters=sound.speech.num_characters, audio_seconds=sound.seconds)


def _timepoint(point: Timepoint) -> speech_pb2.Timepoint:
    return speech_pb2.Timepoint(
        kind=NUMBERS[point.kind],
        value=point.value,
        start_seconds=point.start_s,
        end_seconds=point.end_s,
        char_start=point.char_start,
        char_end=point.char_end,
    )


def _carried(context: grpc.aio.ServicerContext) -> dict[str, str]:
    return {name: value for name in (TRACEPARENT, "tracestate") if (value := _metadata(context, name)) is not None}


def _metadata(context: grpc.aio.ServicerContext, name: str) -> str | None:
    given = dict(context.invocation_metadata() or ()).get(name)
    return given if isinstance(given, str) else None


def _request_id(context: grpc.aio.ServicerContext) -> str:
    return request_id_of(_metadata(context, "x-request-id"))


async def _refuse(context: Any, error: Exception, request_id: str) -> NoReturn:
    """End the call with google.rpc.Status; ``abort_with_status`` is missing from the context's abstract class."""
    problem = problem_of(error)
    details: list[message.Message] = [
        error_details_pb2.ErrorInfo(reason=problem.reason, domain=DOMAIN),
        error_details_pb2.RequestInfo(request_id=request_id),
    ]
    if problem.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=FIELDS.get(problem.field, f"utterance.{problem.field}"), description=problem.message
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if problem.retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(math.ceil(1000 * problem.retry_after_s))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if problem.limit is not None:
        violation = error_details_pb2.QuotaFailure.Violation(subject=problem.rest_code, description=problem.message)
        details.append(error_details_pb2.QuotaFailure(violations=[violation]))
    status = status_pb2.Status(code=code_pb2.Code.Value(problem.grpc_status.name), message=problem.message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status never returns")
