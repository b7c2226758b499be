"""What there is to ask for: models, voices, and how a text is read; in the shapes that stock clients know."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clock_train.accounts.keys import KeyScope
from clock_train.api.callers import Caller, Callers
from clock_train.api.desk import SpeechDesk
from clock_train.api.refusals import answering
from clock_train.api.request_content import json_content
from clock_train.api.speech_body import MODELS, read_body
from clock_train.errors import ModelNotFound
from clock_train.models.sentences import read_sentences
from clock_train.serving.speech_request import refuse_long
from clock_train.serving.voice_catalogue import ServedVoice


class PhonemizeBody(BaseModel):
    """A text to read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: str
    language: str = "auto"


def listing_routes(desk: SpeechDesk, callers: Callers) -> list[Route]:
    """The addresses."""
    answered = answering(callers, KeyScope.VOICES_READ, is_list=True)

    @answered
    async def models(request: Request, request_id: str, caller: Caller) -> Response:
        return JSONResponse({"object": "list", "data": [_model(name) for name in MODELS]})

    @answered
    async def model(request: Request, request_id: str, caller: Caller) -> Response:
        name = request.path_params["model"]
        if name not in MODELS:
            raise ModelNotFound(f'there is no model "{name[:80]}"; ask for one of {", ".join(MODELS)}')
        return JSONResponse(_model(name))

    @answered
    async def audio_models(request: Request, request_id: str, caller: Caller) -> Response:
        return JSONResponse({"models": [{"id": name, "name": name} for name in MODELS]})

    @answered
    async def voices(request: Request, request_id: str, caller: Caller) -> Response:
        found = [_voice(voice, desk) for voice in desk.catalogue.voices if caller.may_hear(voice.card.name)]
        return JSONResponse({"object": "list", "voices": found, "data": found})

    @answered
    async def voice(request: Request, request_id: str, caller: Caller) -> Response:
        found, _ = desk.catalogue.find(request.path_params["voice"], may_hear=caller.may_hear)
        return JSONResponse(_voice(found, desk))

    @answering(callers, KeyScope.SPEECH_SYNTHESIZE)
    async def phonemize(request: Request, request_id: str, caller: Caller) -> Response:
        body = read_body(PhonemizeBody, await json_content(request))
        refuse_long(body.input)
        sentences = await asyncio.to_thread(read_sentences, body.input, body.language)
        return JSONResponse({"sentences": [_read(each.utterance) for each in sentences if each.utterance is not None]})

    return [
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", model),
        Route("/v1/audio/models", audio_models),
        Route("/v1/audio/voices", voices),
        Route("/v1/audio/voices/{voice:path}", voice),
        Route("/v1/audio/phonemize", phonemize, methods=["POST"]),
    ]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "clocktrain"}


def _voice(voice: ServedVoice, desk: SpeechDesk) -> dict[str, Any]:
    return {
        "id": voice.label, "name": voice.card.name, "object": "audio.voice", "version": voice.card.version,
        "languages": voice.card.languages, "speakers": voice.card.speakers, "sample_rate": voice.sample_rate_hz,
        "digest": voice.digest, "aliases": desk.catalogue.aliases_of(voice),
    }  # fmt: skip


def _read(utterance: Any) -> dict[str, Any]:
    words = [
        {"word": word.text, "phones": [token.phone for token in utterance.tokens[word.start : word.end]]}
        for word in utterance.words
    ]
    return {"text": utterance.text, "normalized": utterance.normalized, "phones": utterance.phones, "words": words}
