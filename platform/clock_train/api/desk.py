"""One desk behind both doors: reads an order, has its voices loaded, logs it, and gives its sound out.

Lines of one voice that follow each other are one request of Triton's and one line in the log. An order's errors come
before its first samples do, so that a door can still answer with a status; of an order whose lines are still being
written, those of its manner do. One line is logged of each, with lengths and times and never with what is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType
from typing import Any

import numpy as np

from clock_train.api.callers import Admission, Caller
from clock_train.api.consent_gate import ConsentGate
from clock_train.api.measures import Measures
from clock_train.api.orders import Line, Order, ReadLine, amplified, read_lines
from clock_train.api.problems import problem_of
from clock_train.api.sound_clock import SoundClock
from clock_train.api.tracing import RequestTrace, Tracing
from clock_train.audio.resampling import resample_blocks
from clock_train.compliance.text_policy.judging import TextRequest
from clock_train.compliance.text_policy.policy import TextPolicy
from clock_train.errors import ServerBusy, TextEmpty
from clock_train.issuing.issuer import Issue, Issuer
from clock_train.issuing.sound_files import live_labels_of
from clock_train.models.sentences import Sentence
from clock_train.serving.resident_voices import ResidentVoices
from clock_train.serving.speech_request import Mark, SpeechRequest
from clock_train.serving.timepoints import Timepoint
from clock_train.serving.voice_catalogue import ServedVoice, VoiceCatalogue
from clock_train.serving.voice_client import VoiceClient
from clock_train.serving.voice_model import Timings
from clock_train.text.overrides import without_sounds

MOST_AT_ONCE = 128
"""Orders that are spoken or wait; a connection and up to a minute of samples each."""
MOST_JUDGED_BEFORE = 2_000
"""Characters of what is being written that the text policy sees again with each lot."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some of a sound, and what begins in it."""

    samples: np.ndarray
    """(N,) float32 in [-1, 1]."""
    points: list[Timepoint] = field(default_factory=list)


class Speech:
    """A sound that has begun: what it is, then its ``pieces`` once; ``close`` it in any case.

    Attributes:
        voice: of its first line.
        request_id: of the order.
        rate_hz: of its samples: the first voice's own.
        num_samples: of the whole sound, where that was asked for and can be known.
        ignored: what was asked for and has no effect.
        labels: what a file of it carries, by name.
        limits: how the caller's key stands; None without keys.
        num_sent: samples that were handed over so far.
    """

    def __init__(
        self, progress: _Progress, voice: ServedVoice, first: Piece, rest: AsyncGenerator[Piece, None]
    ) -> None:
        self.voice, self.request_id, self.labels = voice, progress.request_id, progress.labels
        self.num_samples, self.limits = progress.num_samples, progress.admission.limits
        self.rate_hz, self.ignored, self._progress = voice.sample_rate_hz, progress.order.ignored, progress
        self.num_sent = 0
        self._first, self._rest = first, rest

    @property
    def num_characters(self) -> int:
        """That are said; of what is still being written, so far."""
        return self._progress.num_characters

    async def pieces(self) -> AsyncIterator[Piece]:
        """As they are spoken."""
        self.num_sent += len(self._first.samples)
        yield self._first
        async for piece in self._rest:
            self.num_sent += len(piece.samples)
            yield piece

    async def close(self) -> None:
        """Leave what is still to be spoken."""
        await self._rest.aclose()


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Lines of one voice, one after the other."""

    voice: ServedVoice
    speaker: str | None
    lines: list[ReadLine]

    @property
    def sentences(self) -> list[Sentence]:
        return [sentence for line in self.lines for sentence in line.sentences]


class SpeechDesk:
    """Takes orders for the voices of one server."""

    def __init__(
        self,
        catalogue: VoiceCatalogue,
        residents: ResidentVoices,
        client: VoiceClient,
        *,
        issuer: Issuer,
        gate: ConsentGate,
        measures: Measures,
        tracing: Tracing,
        policy: TextPolicy | None = None,
    ) -> None:
        self._measures, self._tracing, self._policy = measures, tracing, policy
        self._gate = gate
        self.catalogue, self._residents, self._client, self._issuer = catalogue, residents, client, issuer
        self.num_open = 0
        """Orders that are spoken just now."""
        self.num_live = 0
        """Orders that are still being written."""

    async def begin(
        self,
        order: Order,
        request_id: str,
        caller: Caller,
        carried: Mapping[str, str] = MappingProxyType({}),
        *,
        written: AsyncIterator[Sequence[Line]] | None = None,
    ) -> Speech:
        """Have the first samples of an order.

        Args:
            order: what to say.
            request_id: stands in the log.
            caller: who asks.
            carried: headers or metadata of the request, for its trace.
            written: lines to say instead of the order's, as somebody writes them; each lot is reserved, logged and
                settled by itself. The order then says how, and names the voice.

        Raises:
            ClockTrainError: it cannot be spoken, or not now, or not for this caller.
        """
        progress = _Progress(order, request_id, caller, self._tracing.begin(request_id, carried), written)
        spoken = self._spoken(progress)
        try:
            order.check(is_written=written is None)
            for name in {line.voice for line in order.lines}:
                voice, _ = self.catalogue.find(name, request_id, may_hear=caller.may_hear)
                purposes, territories = caller.uses
                self._gate.check(voice.card, purposes=purposes, territories=territories)
            if (self.num_open if written is None else self.num_live) >= MOST_AT_ONCE:
                raise ServerBusy(f"{MOST_AT_ONCE} requests are being spoken already; ask again in a second")
            first = await anext(spoken)
        except BaseException as error:
            await spoken.aclose()
            if isinstance(error, Exception):
                problem = problem_of(error)
                caller.refused(problem.code)
                self._measures.refused.labels(problem.rest_code).inc()
                self._measures.ended.labels("refused").inc()
                progress.trace.end("refused", code=problem.rest_code)
                _log.info("request %s refused: %s", request_id, problem.reason)
            else:
                progress.trace.end("left")
            raise
        voice = progress.parts[0].voice
        return Speech(progress, voice, first, spoken)

    async def _spoken(self, progress: _Progress) -> AsyncGenerator[Piece, None]:
        how = "left"
        self._count(progress, 1)
        try:
            progress.admission = await progress.caller.let_in()
            async with contextlib.aclosing(progress.lots()) as lots:
                async for lines in lots:
                    async with contextlib.aclosing(self._lot(progress, lines)) as pieces:
                        async for piece in pieces:
                            yield piece
            if not progress.parts:
                raise TextEmpty("there is no text; write words or numbers")
            how = "spoken"
        except Exception:
            how = "failed"
            raise
        finally:
            self._count(progress, -1)
            progress.end(how, self._measures)

    def _count(self, progress: _Progress, step: int) -> None:
        """Of what is still being written there may be as many again: it mostly waits for its writer."""
        if progress.is_live:
            self.num_live += step
        else:
            self.num_open += step
        self._measures.open.inc(step)

    async def _lot(self, progress: _Progress, lines: Sequence[Line]) -> AsyncGenerator[Piece, None]:
        """Lines that are there together."""
        await self._hold_to_policy(progress, lines)
        try:
            with progress.trace.step("read text"):
                read = await asyncio.to_thread(read_lines, lines)
        except TextEmpty:
            if progress.is_live:
                return  # signs alone, between sentences
            raise
        parts, before = self._parts(read, progress.request_id), len(progress.parts)
        characters = self._characters(lines, progress.request_id)
        await progress.admission.reserve(characters)
        progress.parts += parts
        progress.num_characters += characters.total()
        for number, part in enumerate(parts, start=before):
            async with contextlib.aclosing(self._part(progress, number, part)) as pieces:
                async for piece in pieces:
                    yield piece
        if progress.is_live:
            progress.settle(is_sent=True)

    async def _hold_to_policy(self, progress: _Progress, lines: Sequence[Line]) -> None:
        """Raise where the text may not be spoken; what is written bit by bit is judged with what went before."""
        if self._policy is None:
            return
        is_more = bool(progress.said)
        said = [without_sounds(line.text) for line in lines]
        text = "\n".join([progress.said, *said] if is_more else said)
        if progress.is_live:
            progress.said = text[-MOST_JUDGED_BEFORE:]
        voices = tuple(dict.fromkeys(line.voice for line in lines))
        request = TextRequest(text, progress.caller.tenant, voices, is_more=is_more)
        await asyncio.to_thread(self._policy.check, request, progress.request_id)

    def _characters(self, lines: Sequence[Line], request_id: str) -> Counter[str]:
        """That each voice is to say."""
        characters: Counter[str] = Counter()
        for line in lines:
            voice, _ = self.catalogue.find(line.voice, request_id)
            characters[voice.card.name] += line.num_characters
        return characters

    def _parts(self, lines: Sequence[ReadLine], request_id: str) -> list[_Part]:
        groups = groupby(lines, key=lambda read: read.line.voice)
        found = [(self.catalogue.find(name, request_id), list(of_voice)) for name, of_voice in groups]
        return [_Part(voice=voice, speaker=speaker, lines=of_voice) for (voice, speaker), of_voice in found]

    async def _part(self, progress: _Progress, number: int, part: _Part) -> AsyncGenerator[Piece, None]:
        order = progress.order
        request_id = f"{progress.request_id}.{number}" if number else progress.request_id
        async with self._residents.use(part.voice.model):
            issue = await asyncio.to_thread(self._logged, part, request_id, progress.caller)
            if not number:
                progress.labels, lead = await asyncio.to_thread(
                    live_labels_of, issue, progress.rate_hz, is_audible=order.has_audible_label
                )
            else:
                lead = np.zeros(0, dtype=np.float32)
            begin_s = progress.seconds + len(lead) / progress.rate_hz
            clock = SoundClock(part.voice, part.lines, order.timed, begin_s=begin_s, is_first=not number)
            request = SpeechRequest(
                sentences=clock.sentences,
                speaker=part.speaker,
                speed=order.speed,
                seed=order.seed,
                request_id=request_id,
                mark=Mark.of(issue),
                timings=progress.timings,
            )
            with progress.trace.step(f"speak {part.voice.label}") as carried:
                spoken = self._client.speak(
                    part.voice.model,
                    request,
                    is_alive=lambda: self._residents.is_alive(part.voice.model),
                    tell=clock.tell,
                    headers=carried,
                )
                louder = _amplified(spoken, order.gain_db)
                async with contextlib.aclosing(_at_rate(louder, part.voice.sample_rate_hz, progress.rate_hz)) as chunks:
                    async for chunk in chunks:
                        self._gate.check_in_force(part.voice.card)  # it may be taken back in the middle of a sound
                        if progress.timings is Timings.AHEAD and progress.num_samples is None:
                            progress.num_samples = len(lead) + clock.num_samples
                        samples, lead = np.concatenate([lead, chunk]), lead[:0]
                        progress.add(samples)
                        yield Piece(samples=samples, points=clock.begun(progress.seconds))
                if left := clock.begun(math.inf):
                    yield Piece(samples=lead[:0], points=left)

    def _logged(self, part: _Part, request_id: str, caller: Caller) -> Issue:
        """The line in the log of what is about to be spoken."""
        return self._issuer.begin_for(
            part.voice.card,
            part.speaker,
            text="\n".join(read.line.text for read in part.lines),
            sample_rate_hz=part.voice.sample_rate_hz,
            request_id=request_id,
            by=caller.name,
        )


class _Progress:
    """How far an order is."""

    def __init__(
        self,
        order: Order,
        request_id: str,
        caller: Caller,
        trace: RequestTrace,
        written: AsyncIterator[Sequence[Line]] | None,
    ) -> None:
        self.trace, self._written = trace, written
        self.order, self.request_id, self.caller = order, request_id, caller
        self.admission = Admission()
        self.said = ""
        self.parts: list[_Part] = []
        self.num_characters = 0
        """That were reserved."""
        self.num_samples: int | None = None
        self.labels: Mapping[str, Any] = {}
        self._sent, self._began, self._first_s = 0, time.monotonic(), 0.0
        self._settled_s = 0.0

    @property
    def is_live(self) -> bool:
        """Whether it is still being written."""
        return self._written is not None

    async def lots(self) -> AsyncGenerator[Sequence[Line], None]:
        """Lines that are there together: all of them, or those that were written meanwhile."""
        if self._written is None:
            yield self.order.lines
            return
        async for lines in self._written:
            yield lines

    @property
    def rate_hz(self) -> int:
        return self.parts[0].voice.sample_rate_hz

    @property
    def seconds(self) -> float:
        return self._sent / self.rate_hz

    @property
    def timings(self) -> Timings:
        if self.order.is_measured and len(self.parts) == 1:
            return Timings.AHEAD
        return Timings.EACH if self.order.timed else Timings.NEVER

    def add(self, samples: np.ndarray) -> None:
        self._sent += len(samples)
        if not self._first_s:
            self._first_s = time.monotonic() - self._began
            self.trace.note("first sound")

    def settle(self, *, is_sent: bool) -> None:
        """Count what is reserved, and the seconds since the last time."""
        seconds = self.seconds if self._sent else 0.0
        self.admission.settle(is_sent=is_sent, audio_seconds=seconds - self._settled_s)
        self._settled_s = seconds

    def end(self, how: str, measures: Measures) -> None:
        """Count it, and say it: what the server failed to finish costs nobody anything."""
        is_sent = self._sent > 0
        self.settle(is_sent=is_sent and how != "failed")
        if is_sent:
            self.trace.end(
                how,
                voice=self.parts[0].voice.label,
                characters=self.num_characters,
                audio_seconds=round(self.seconds, 3),
                tenant=self.caller.tenant,
            )
            measures.ended.labels(how).inc()
            if not self.is_live:  # the writer's time is in it
                measures.first_s.observe(self._first_s)
                measures.all_s.observe(time.monotonic() - self._began)
            measures.sound_s.labels(self.parts[0].voice.card.name).inc(self.seconds)
            _log.info(
                "request %s %s: %s, %d characters, %.2f s of sound, first %.3f s, all %.3f s",
                self.request_id, how, "+".join(dict.fromkeys(part.voice.label for part in self.parts)),
                self.num_characters, self.seconds, self._first_s, time.monotonic() - self._began,
            )  # fmt: skip


async def _amplified(spoken: AsyncGenerator[np.ndarray, None], gain_db: float) -> AsyncGenerator[np.ndarray, None]:
    async with contextlib.aclosing(spoken) as chunks:
        async for chunk in chunks:
            yield amplified(chunk, gain_db)


async def _at_rate(
    spoken: AsyncGenerator[np.ndarray, None], from_hz: int, to_hz: int
) -> AsyncGenerator[np.ndarray, None]:
    """A voice of another rate than the sound's first one."""
    async with contextlib.aclosing(spoken) as chunks:
        if from_hz == to_hz:
            async for chunk in chunks:
                yield chunk
            return
        # a later voice of another rate is rare: it is resampled whole, so that no seam is heard
        whole = [chunk async for chunk in chunks]
        for chunk in resample_blocks(whole, from_hz, to_hz):
            yield chunk


def request_id_of(given: str | None) -> str:
    """The caller's own id where it is a plain word of at most 64 letters; else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(12)
