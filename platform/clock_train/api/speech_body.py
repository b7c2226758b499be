"""The JSON of a request for speech: OpenAI's fields as their client sends them, and ours beside them."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clock_train.api.orders import Line, Order
from clock_train.api.wording import Said, Wording, ssml_lines
from clock_train.errors import ModelNotFound, RequestInvalid
from clock_train.labels.live import LiveFormat
from clock_train.serving.timepoints import Kind
from clock_train.text.ssml import Ssml, read_ssml

MODEL = "clocktrain"
MODELS = (MODEL, "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""The last three are what other programs ask for unless they are told otherwise; each is whatever voice is named."""
SIZED = (LiveFormat.WAV, LiveFormat.FLAC)
"""Files that say at their beginning how long they are."""


class VoiceById(BaseModel):
    """The newer spelling of a voice."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str


Body = TypeVar("Body", bound=BaseModel)
VoiceName = Annotated[str | VoiceById, Field(description="A name, an alias or a version of GET /v1/audio/voices.")]


class ScriptLine(BaseModel):
    """One line of a script of several voices."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str
    voice: VoiceName
    language: str = "auto"
    style: str = ""
    emotion: str = ""
    speed: float = Field(1.0, strict=False)
    pause: float | None = Field(None, strict=False, description="Seconds of silence before it.")

    def line(self) -> Line:
        """As the desk takes it."""
        return Line(
            text=_cleaned(self.text), voice=_named(self.voice), language=self.language, style=self.style,
            emotion=self.emotion, speed=_finite(self.speed, "speed"), pause_s=self.pause,
        )  # fmt: skip


class Pronunciation(BaseModel):
    """How one phrase is said, wherever it stands."""

    model_config = ConfigDict(extra="forbid", strict=True)

    phrase: str
    phones: str | None = Field(None, description="As behind the bar of an override: K L AA1 K, hang2, /klɒk/.")
    alias: str | None = Field(None, description="Words to say instead.")


class SpeechBody(BaseModel):
    """What to say and how. Fields of other servers are taken without effect, and named in ``x-clocktrain-ignored``."""

    model_config = ConfigDict(extra="allow", strict=True)

    model: str = Field(MODEL, description=f"One of {', '.join(MODELS)}; the voice decides.")
    input: str | None = Field(None, description="The text; this or a script.")
    input_type: Literal["text", "ssml"] = Field("text", description="ssml: see GET /v1/audio/ssml.")
    script: list[ScriptLine] | None = Field(None, description="Lines of several voices, spoken as one sound.")
    voice: VoiceName | None = None
    response_format: LiveFormat | None = Field(None, strict=False, description="mp3 unless it is said.")
    stream_format: Literal["audio", "sse"] | None = None
    stream: bool | None = Field(None, description="false: the whole file at once, with its length.")
    speed: float = Field(1.0, strict=False, description="0.25 to 4.")
    sample_rate: int | None = Field(None, description="8000, 16000, 22050, 24000, 44100 or 48000.")
    volume_gain_db: float = Field(0.0, strict=False)
    language: str = Field("auto", description="zh, en, ...; auto: as it is written.")
    style: str = ""
    emotion: str = ""
    seed: int = 0
    audible_label: bool = Field(False, description="Four tones first that say to people: made by a machine.")
    timestamps: list[Kind] = Field(default_factory=list, strict=False, description="What to time, in sse events.")
    lexicon: str = Field("", description="Name of a pronunciation lexicon of the server's.")
    pronunciations: list[Pronunciation] = Field(default_factory=list, description="They go before the lexicon's.")
    instructions: str | None = Field(None, description="Taken without effect.")

    @property
    def format(self) -> LiveFormat:
        """What the sound leaves as."""
        return self.response_format or LiveFormat.MP3

    @property
    def is_sse(self) -> bool:
        """Whether it leaves as events."""
        return self.stream_format == "sse"

    def ignored(self) -> list[str]:
        """Fields that came and change nothing."""
        of_ssml = [] if self.ssml is None else self.ssml.ignored
        return sorted([*(self.model_extra or {}), *(["instructions"] if self.instructions else []), *of_ssml])

    @cached_property
    def ssml(self) -> Ssml | None:
        """What the input says; None where it is text.

        Raises:
            SsmlInvalid: with the place.
        """
        is_ssml = self.input_type == "ssml" and self.input is not None
        return read_ssml(self.input or "", language=self.language) if is_ssml else None

    @property
    def shown(self) -> str:
        """The input as captions show it; see ``Ssml.shown``."""
        return (self.input or "") if self.ssml is None else self.ssml.shown

    def order(self, wording: Wording, *, timed: frozenset[Kind] = frozenset()) -> Order:
        """What the desk takes. SSML and lexicons take a while: not for a thread that others wait for.

        Args:
            wording: where the lexicon is found.
            timed: beside what the request itself asks for.

        Raises:
            RequestInvalid, ModelNotFound: fields that do not fit each other, or a model that there is not.
            SsmlInvalid, LexiconNotFound, LexiconInvalid: as they say.
        """
        if self.model not in MODELS:
            raise ModelNotFound(f'there is no model "{self.model[:80]}"; ask for one of {", ".join(MODELS)}')
        said = [Said(phrase=one.phrase, phones=one.phones, alias=one.alias) for one in self.pronunciations]
        return Order(
            lines=wording.said(self._lines(), lexicon=self.lexicon, pronunciations=said),
            speed=_finite(self.speed, "speed"),
            gain_db=_finite(self.volume_gain_db, "volume_gain_db"),
            seed=self.seed,
            has_audible_label=self.audible_label,
            timed=frozenset(self.timestamps) | timed,
            is_measured=self.format in SIZED,
        )

    def _lines(self) -> list[Line]:
        if (self.input is None) == (self.script is None):
            raise RequestInvalid("give either input or script", field="input")
        if self.script is not None:
            if self.input_type == "ssml":
                raise RequestInvalid("a script is text; give SSML as input", field="input_type")
            return [line.line() for line in self.script]
        if self.voice is None:
            raise RequestInvalid("voice is missing; name one of GET /v1/audio/voices", field="voice")
        line = Line(text="", voice=_named(self.voice), language=self.language, style=self.style, emotion=self.emotion)
        if self.ssml is not None:
            return ssml_lines(self.ssml, line)
        return [replace(line, text=_cleaned(self.input or ""))]


def read_body(kind: type[Body], content: bytes) -> Body:
    """A request as it came.

    Raises:
        RequestInvalid: no JSON, or not the fields that there are; nothing of the text is repeated.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"] if part not in ("str", "VoiceById")) or None
        raise RequestInvalid(f"{field or 'the body'}: {_told(first)}", field=field) from None


def _told(error: Any) -> str:
    return "this is no JSON" if error["type"] == "json_invalid" else str(error["msg"])


def _named(voice: str | VoiceById) -> str:
    return voice if isinstance(voice, str) else voice.id


def _finite(value: float, field: str) -> float:
    if not math.isfinite(value):
        raise RequestInvalid(f"{field} is {value}; give a number", field=field)
    return value


def _cleaned(text: str) -> str:
    """Composed, as the front-end's dictionaries are."""
    return unicodedata.normalize("NFC", text)
