"""The OpenAPI description of the HTTP door, from the very models that read its requests."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from clock_train.api.listing_routes import PhonemizeBody
from clock_train.api.speech_body import SpeechBody
from clock_train.api.speech_routes import CaptionedBody
from clock_train.api.vote_body import VoteBody
from clock_train.labels.live import LiveFormat

AUDIO = {
    "audio/mpeg": LiveFormat.MP3,
    "audio/ogg": LiveFormat.OPUS,
    "audio/aac": LiveFormat.AAC,
    "audio/flac": LiveFormat.FLAC,
    "audio/wav": LiveFormat.WAV,
    "audio/pcm": LiveFormat.PCM,
}
ERRORS = {
    400: "What was sent cannot be spoken; param names the field.",
    401: "No key, or one that is wrong, revoked or over.",
    403: "The key lacks a scope, the consent does not cover the use, or the text policy refuses the text.",
    404: "No such voice, model or address.",
    405: "Another method.",
    413: "The body is too large.",
    429: "The key's requests of this second, or its characters of this day, are used up.",
    500: "A bug; the log has the request's id.",
    503: "Not now, or this voice not at all; x-should-retry says which.",
}
LISTENERS_ERRORS = {
    400: "What was sent is no vote.",
    404: "No such invitation, or no such sound of it.",
    405: "Another method.",
    409: "Another browser began the session, or the vote is not the next one.",
    410: "The invitation is over.",
    413: "The body is too large.",
    500: "A bug; the log has what it can say.",
    503: "The vote cannot be kept now.",
}
_OBJECT = {"type": "object"}


def openapi(*, has_listening: bool = False) -> dict[str, Any]:
    """All of it.

    Args:
        has_listening: whether listening tests are shown.
    """
    schemas: dict[str, Any] = {"Error": _error()}
    paths = {
        "/v1/audio/speech": {"post": _asked("Speak a text", "speech", SpeechBody, schemas, _sounds())},
        "/v1/audio/speech/captioned": {
            "post": _asked(
                "Speak a text and say when each word is spoken", "captioned", CaptionedBody, schemas,
                {"application/json": {"schema": _OBJECT}, "application/x-subrip": _text(), "text/vtt": _text()},
            )
        },
        "/v1/audio/phonemize": {
            "post": _asked("Show how a text is read", "phonemize", PhonemizeBody, schemas, _json()),
        },
        "/v1/watermark/detect": {"post": _detected()},
        "/v1/audio/voices": {
            "get": _listed("List voices", "voices"),
            "post": _refused("Refused: a VoiceClone makes voices", "makeVoice"),
        },
        "/v1/audio/voices/{voice}": {
            "get": _listed("Describe a voice", "voice", "voice"),
            "delete": _refused("Refused: clocktrain erase does, with a receipt", "eraseVoice", "voice"),
        },
        "/v1/audio/voice_consents": {
            "get": _paged("List the consents that voices were made under", "voiceConsents"),
            "post": _refused("Refused: clocktrain consent record takes consents", "makeConsent"),
        },
        "/v1/audio/voice_consents/{consent}": {
            "get": _listed("Describe a consent", "voiceConsent", "consent"),
            "post": _refused("Refused: a consent is not changed, but taken back", "changeConsent", "consent"),
            "delete": _refused("Refused: a consent is kept, and taken back", "eraseConsent", "consent"),
        },
        "/v1/audio/models": {"get": _listed("List models, for Open WebUI", "audioModels")},
        "/v1/audio/ssml": {"get": _listed("Say what of SSML is done", "ssml")},
        "/v1/usage": {"get": _used()},
        "/v1/models": {"get": _listed("List models", "models")},
        "/v1/models/{model}": {"get": _listed("Describe a model", "model", "model")},
    }  # fmt: skip
    if has_listening:
        paths |= _listening(schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ClockTrain",
            "version": version("clock-train"),
            "description": "Speech by the voices of one server, as OpenAI's clients ask for it. Every sound is marked.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "ct_live_…"}},
        },
        "security": [{"key": []}, {}],
    }


def _asked(
    summary: str, name: str, body: type[BaseModel], schemas: dict[str, Any], content: dict[str, Any]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": name,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schema(body, schemas)}},
        },
        "responses": {"200": {"description": "Done.", "content": content}, **_refusals()},
    }


def _refused(summary: str, name: str, parameter: str | None = None) -> dict[str, Any]:
    """What clients of other services may ask for and nobody gets here."""
    listed = _listed(summary, name, parameter)
    return {**listed, "responses": _refusals()}


def _paged(summary: str, name: str) -> dict[str, Any]:
    after = {"in": "query", "name": "after", "schema": {"type": "string"}}
    limit = {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": 100}}
    return {**_listed(summary, name), "parameters": [after, limit]}


def _used() -> dict[str, Any]:
    day = {"in": "query", "schema": {"type": "string", "format": "date"}}
    kind = {"in": "query", "name": "format", "schema": {"enum": ["json", "csv"]}}
    content = {**_json(), "text/csv": _text()}
    return {
        "summary": "What the tenant of the key used, by day, key and voice",
        "operationId": "usage",
        "parameters": [{**day, "name": "since"}, {**day, "name": "until"}, kind],
        "responses": {"200": {"description": "Found.", "content": content}, **_refusals()},
    }


def _detected() -> dict[str, Any]:
    binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "summary": "Say whether a sound is marked, to anybody; with audit:read also by whom it was asked for",
        "operationId": "detect",
        "requestBody": {"required": True, "content": binary},
        "responses": {
            "200": {"description": "Looked into.", "content": _json()},
            "422": {"description": "It is no sound.", "content": _told()},
            **_refusals(),
        },
    }


def _listening(schemas: dict[str, Any]) -> dict[str, Any]:
    """What the page of a listening test asks for; the token of an invitation lets in, and a cookie goes on."""
    own = "/v1/listening/{token}"
    begin = {"required": True, "content": {"application/json": {"schema": _OBJECT}}}
    vote = {"required": True, "content": {"application/json": {"schema": _schema(VoteBody, schemas)}}}
    sound = {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}
    return {
        own: {"get": _listened("Say how far a listener's session is", "listeningSession", _json())},
        f"{own}/session": {"post": _listened("Begin a session", "beginListening", _json(), body=begin)},
        f"{own}/stimuli/{{sound}}": {"get": _listened("Hear a sound of a session", "listeningSound", sound, "sound")},
        f"{own}/votes": {"post": _listened("Keep the vote of the next trial", "vote", _json(), body=vote)},
    }


def _listened(
    summary: str, name: str, content: dict[str, Any], *more: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    refusals = {str(status): {"description": why, "content": _told()} for status, why in LISTENERS_ERRORS.items()}
    return {
        "summary": summary,
        "operationId": name,
        "parameters": [_in_path(each) for each in ("token", *more)],
        **({} if body is None else {"requestBody": body}),
        "responses": {"200": {"description": "Done.", "content": content}, **refusals},
        "security": [{}],
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _listed(summary: str, name: str, parameter: str | None = None) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": name,
        "parameters": [] if parameter is None else [_in_path(parameter)],
        "responses": {"200": {"description": "Found.", "content": _json()}, **_refusals()},
    }


def _refusals() -> dict[str, Any]:
    return {str(status): {"description": why, "content": _told()} for status, why in ERRORS.items()}


def _told() -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def _schema(body: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    made = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= made.pop("$defs", {})
    schemas[body.__name__] = made
    return {"$ref": f"#/components/schemas/{body.__name__}"}


def _sounds() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {**dict.fromkeys(AUDIO, binary), "text/event-stream": _text()}


def _json() -> dict[str, Any]:
    return {"application/json": {"schema": _OBJECT}}


def _text() -> dict[str, Any]:
    return {"schema": {"type": "string"}}


def _error() -> dict[str, Any]:
    told = {
        "message": {"type": "string", "description": "Code: what, where, how to fix it."},
        "type": {"type": "string"},
        "param": {"type": ["string", "null"], "description": "The field, where it is one."},
        "code": {"type": "string", "description": "Stable; docs/errors.md has them all."},
        "request_id": {"type": "string"},
    }
    inner = {"type": "object", "properties": told, "required": sorted(told)}
    return {"type": "object", "properties": {"error": inner}, "required": ["error"]}
