from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AudioEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIO_ENCODING_UNSPECIFIED: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_PCM_S16LE: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_WAV: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_MP3: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_OGG_OPUS: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_FLAC: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_AAC_ADTS: _ClassVar[AudioEncoding]

class TimepointKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIMEPOINT_KIND_UNSPECIFIED: _ClassVar[TimepointKind]
    TIMEPOINT_KIND_SENTENCE: _ClassVar[TimepointKind]
    TIMEPOINT_KIND_WORD: _ClassVar[TimepointKind]
    TIMEPOINT_KIND_PHONE: _ClassVar[TimepointKind]
    TIMEPOINT_KIND_VISEME: _ClassVar[TimepointKind]
    TIMEPOINT_KIND_MARK: _ClassVar[TimepointKind]
AUDIO_ENCODING_UNSPECIFIED: AudioEncoding
AUDIO_ENCODING_PCM_S16LE: AudioEncoding
AUDIO_ENCODING_WAV: AudioEncoding
AUDIO_ENCODING_MP3: AudioEncoding
AUDIO_ENCODING_OGG_OPUS: AudioEncoding
AUDIO_ENCODING_FLAC: AudioEncoding
AUDIO_ENCODING_AAC_ADTS: AudioEncoding
TIMEPOINT_KIND_UNSPECIFIED: TimepointKind
TIMEPOINT_KIND_SENTENCE: TimepointKind
TIMEPOINT_KIND_WORD: TimepointKind
TIMEPOINT_KIND_PHONE: TimepointKind
TIMEPOINT_KIND_VISEME: TimepointKind
TIMEPOINT_KIND_MARK: TimepointKind

class Utterance(_message.Message):
    __slots__ = ("text", "voice", "language", "style", "emotion", "speed", "seed", "ssml", "lexicon", "pronunciations")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VOICE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    EMOTION_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SSML_FIELD_NUMBER: _ClassVar[int]
    LEXICON_FIELD_NUMBER: _ClassVar[int]
    PRONUNCIATIONS_FIELD_NUMBER: _ClassVar[int]
    text: str
    voice: str
    language: str
    style: str
    emotion: str
    speed: float
    seed: int
    ssml: str
    lexicon: str
    pronunciations: _containers.RepeatedCompositeFieldContainer[Pronunciation]
    def __init__(self, text: _Optional[str] = ..., voice: _Optional[str] = ..., language: _Optional[str] = ..., style: _Optional[str] = ..., emotion: _Optional[str] = ..., speed: _Optional[float] = ..., seed: _Optional[int] = ..., ssml: _Optional[str] = ..., lexicon: _Optional[str] = ..., pronunciations: _Optional[_Iterable[_Union[Pronunciation, _Mapping]]] = ...) -> None: ...

class Pronunciation(_message.Message):
    __slots__ = ("phrase", "phones", "alias")
    PHRASE_FIELD_NUMBER: _ClassVar[int]
    PHONES_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    phrase: str
    phones: str
    alias: str
    def __init__(self, phrase: _Optional[str] = ..., phones: _Optional[str] = ..., alias: _Optional[str] = ...) -> None: ...

class ScriptLine(_message.Message):
    __slots__ = ("text", "voice", "language", "style", "emotion", "speed", "pause_seconds")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VOICE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    EMOTION_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    PAUSE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    text: str
    voice: str
    language: str
    style: str
    emotion: str
    speed: float
    pause_seconds: float
    def __init__(self, text: _Optional[str] = ..., voice: _Optional[str] = ..., language: _Optional[str] = ..., style: _Optional[str] = ..., emotion: _Optional[str] = ..., speed: _Optional[float] = ..., pause_seconds: _Optional[float] = ...) -> None: ...

class Timepoint(_message.Message):
    __slots__ = ("kind", "value", "start_seconds", "end_seconds", "char_start", "char_end")
    KIND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    START_SECONDS_FIELD_NUMBER: _ClassVar[int]
    END_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CHAR_START_FIELD_NUMBER: _ClassVar[int]
    CHAR_END_FIELD_NUMBER: _ClassVar[int]
    kind: TimepointKind
    value: str
    start_seconds: float
    end_seconds: float
    char_start: int
    char_end: int
    def __init__(self, kind: _Optional[_Union[TimepointKind, str]] = ..., value: _Optional[str] = ..., start_seconds: _Optional[float] = ..., end_seconds: _Optional[float] = ..., char_start: _Optional[int] = ..., char_end: _Optional[int] = ...) -> None: ...

class AudioOptions(_message.Message):
    __slots__ = ("encoding", "sample_rate_hz", "volume_gain_db", "timepoints", "audible_label")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    VOLUME_GAIN_DB_FIELD_NUMBER: _ClassVar[int]
    TIMEPOINTS_FIELD_NUMBER: _ClassVar[int]
    AUDIBLE_LABEL_FIELD_NUMBER: _ClassVar[int]
    encoding: AudioEncoding
    sample_rate_hz: int
    volume_gain_db: float
    timepoints: _containers.RepeatedScalarFieldContainer[TimepointKind]
    audible_label: bool
    def __init__(self, encoding: _Optional[_Union[AudioEncoding, str]] = ..., sample_rate_hz: _Optional[int] = ..., volume_gain_db: _Optional[float] = ..., timepoints: _Optional[_Iterable[_Union[TimepointKind, str]]] = ..., audible_label: _Optional[bool] = ...) -> None: ...

class Summary(_message.Message):
    __slots__ = ("characters", "audio_seconds")
    CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SECONDS_FIELD_NUMBER: _ClassVar[int]
    characters: int
    audio_seconds: float
    def __init__(self, characters: _Optional[int] = ..., audio_seconds: _Optional[float] = ...) -> None: ...

class AudioFormat(_message.Message):
    __slots__ = ("encoding", "sample_rate_hz", "channels", "voice", "request_id", "audio_seconds", "ignored")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    VOICE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    encoding: AudioEncoding
    sample_rate_hz: int
    channels: int
    voice: str
    request_id: str
    audio_seconds: float
    ignored: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, encoding: _Optional[_Union[AudioEncoding, str]] = ..., sample_rate_hz: _Optional[int] = ..., channels: _Optional[int] = ..., voice: _Optional[str] = ..., request_id: _Optional[str] = ..., audio_seconds: _Optional[float] = ..., ignored: _Optional[_Iterable[str]] = ...) -> None: ...

class SynthesizeRequest(_message.Message):
    __slots__ = ("utterance", "encoding", "options", "script")
    UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    utterance: Utterance
    encoding: AudioEncoding
    options: AudioOptions
    script: _containers.RepeatedCompositeFieldContainer[ScriptLine]
    def __init__(self, utterance: _Optional[_Union[Utterance, _Mapping]] = ..., encoding: _Optional[_Union[AudioEncoding, str]] = ..., options: _Optional[_Union[AudioOptions, _Mapping]] = ..., script: _Optional[_Iterable[_Union[ScriptLine, _Mapping]]] = ...) -> None: ...

class SynthesizeResponse(_message.Message):
    __slots__ = ("format", "audio", "timepoints", "summary")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    TIMEPOINTS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    format: AudioFormat
    audio: bytes
    timepoints: _containers.RepeatedCompositeFieldContainer[Timepoint]
    summary: Summary
    def __init__(self, format: _Optional[_Union[AudioFormat, _Mapping]] = ..., audio: _Optional[bytes] = ..., timepoints: _Optional[_Iterable[_Union[Timepoint, _Mapping]]] = ..., summary: _Optional[_Union[Summary, _Mapping]] = ...) -> None: ...

class SynthesizeStreamRequest(_message.Message):
    __slots__ = ("utterance", "encoding", "options", "script")
    UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    utterance: Utterance
    encoding: AudioEncoding
    options: AudioOptions
    script: _containers.RepeatedCompositeFieldContainer[ScriptLine]
    def __init__(self, utterance: _Optional[_Union[Utterance, _Mapping]] = ..., encoding: _Optional[_Union[AudioEncoding, str]] = ..., options: _Optional[_Union[AudioOptions, _Mapping]] = ..., script: _Optional[_Iterable[_Union[ScriptLine, _Mapping]]] = ...) -> None: ...

class SynthesizeStreamResponse(_message.Message):
    __slots__ = ("format", "audio", "summary", "timepoints")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    TIMEPOINTS_FIELD_NUMBER: _ClassVar[int]
    format: AudioFormat
    audio: bytes
    summary: Summary
    timepoints: _containers.RepeatedCompositeFieldContainer[Timepoint]
    def __init__(self, format: _Optional[_Union[AudioFormat, _Mapping]] = ..., audio: _Optional[bytes] = ..., summary: _Optional[_Union[Summary, _Mapping]] = ..., timepoints: _Optional[_Iterable[_Union[Timepoint, _Mapping]]] = ...) -> None: ...

class LiveSettings(_message.Message):
    __slots__ = ("utterance", "options")
    UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    utterance: Utterance
    options: AudioOptions
    def __init__(self, utterance: _Optional[_Union[Utterance, _Mapping]] = ..., options: _Optional[_Union[AudioOptions, _Mapping]] = ...) -> None: ...

class SynthesizeLiveRequest(_message.Message):
    __slots__ = ("settings", "text", "flush")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    settings: LiveSettings
    text: str
    flush: bool
    def __init__(self, settings: _Optional[_Union[LiveSettings, _Mapping]] = ..., text: _Optional[str] = ..., flush: _Optional[bool] = ...) -> None: ...

class SynthesizeLiveResponse(_message.Message):
    __slots__ = ("format", "audio", "summary", "timepoints")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    TIMEPOINTS_FIELD_NUMBER: _ClassVar[int]
    format: AudioFormat
    audio: bytes
    summary: Summary
    timepoints: _containers.RepeatedCompositeFieldContainer[Timepoint]
    def __init__(self, format: _Optional[_Union[AudioFormat, _Mapping]] = ..., audio: _Optional[bytes] = ..., summary: _Optional[_Union[Summary, _Mapping]] = ..., timepoints: _Optional[_Iterable[_Union[Timepoint, _Mapping]]] = ...) -> None: ...

class ListVoicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListVoicesResponse(_message.Message):
    __slots__ = ("voices",)
    VOICES_FIELD_NUMBER: _ClassVar[int]
    voices: _containers.RepeatedCompositeFieldContainer[Voice]
    def __init__(self, voices: _Optional[_Iterable[_Union[Voice, _Mapping]]] = ...) -> None: ...

class Voice(_message.Message):
    __slots__ = ("name", "version", "languages", "speakers", "sample_rate_hz", "digest", "aliases")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    SPEAKERS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    languages: _containers.RepeatedScalarFieldContainer[str]
    speakers: _containers.RepeatedScalarFieldContainer[str]
    sample_rate_hz: int
    digest: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., languages: _Optional[_Iterable[str]] = ..., speakers: _Optional[_Iterable[str]] = ..., sample_rate_hz: _Optional[int] = ..., digest: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...
