"""Consents as OpenAI's clients ask for them, to be read; and what those clients would have made or erased here.

A consent is given where its speaker can be heard, and a voice is made from recordings that were checked: neither is a
gateway's work, which has no right to it. The refusals say whose it is.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clock_train.accounts.keys import KeyScope
from clock_train.api.callers import Caller, Callers
from clock_train.api.consent_gate import ConsentGate
from clock_train.api.desk import SpeechDesk
from clock_train.api.refusals import answering
from clock_train.bundle.card import VoiceCard
from clock_train.errors import ConsentError, ConsentMissing, RequestInvalid, VoiceErasureByCommand, VoiceMadeByClone
from clock_train.issuing.installation import Installation

MOST_LISTED, LISTED = 100, 20


def consent_routes(desk: SpeechDesk, callers: Callers, installation: Installation) -> list[Route]:
    """The addresses."""
    reads = answering(callers, KeyScope.VOICES_READ, is_list=True)
    changes = answering(callers, KeyScope.VOICES_ADMIN)
    gate = ConsentGate(installation.consents())

    def found(caller: Caller) -> list[dict[str, Any]]:
        cards = [voice.card for voice in desk.catalogue.voices if caller.may_hear(voice.card.name)]
        return [each for _, each in sorted(_consents_of(cards, gate).items())]

    @reads
    async def consents(request: Request, request_id: str, caller: Caller) -> Response:
        limit = _limit_of(request.query_params.get("limit"))
        after = request.query_params.get("after", "")
        left = [each for each in await asyncio.to_thread(found, caller) if each["id"] > after]
        return JSONResponse({"object": "list", "data": left[:limit], "has_more": len(left) > limit})

    @reads
    async def consent(request: Request, request_id: str, caller: Caller) -> Response:
        asked = request.path_params["consent"]
        for each in await asyncio.to_thread(found, caller):
            if each["id"] == asked:
                return JSONResponse(each)
        raise ConsentMissing(f'no voice that this key may hear was made under a consent "{asked[:80]}"')

    @changes
    async def make(request: Request, request_id: str, caller: Caller) -> Response:
        raise VoiceMadeByClone(
            "a gateway makes no voices and takes no consents: record the consent with clocktrain consent record (in a "
            "cluster, a VoiceConsent), and train with clocktrain run -f FILE (in a cluster, a VoiceClone)"
        )

    @changes
    async def erase(request: Request, request_id: str, caller: Caller) -> Response:
        raise VoiceErasureByCommand(
            "a gateway erases nothing: clocktrain erase voice NAME does, with a receipt (in a cluster, kubectl delete "
            "of a VoiceClone whose deletionPolicy is Delete; a consent is taken back by revoked: true)"
        )

    return [
        Route("/v1/audio/voice_consents", consents),
        Route("/v1/audio/voice_consents/{consent}", consent),
        Route("/v1/audio/voice_consents", make, methods=["POST"]),
        Route("/v1/audio/voice_consents/{consent}", make, methods=["POST"]),
        Route("/v1/audio/voice_consents/{consent}", erase, methods=["DELETE"]),
        Route("/v1/audio/voices", make, methods=["POST"]),
        Route("/v1/audio/voices/{voice:path}", erase, methods=["DELETE"]),
    ]


def _consents_of(cards: list[VoiceCard], gate: ConsentGate) -> dict[str, dict[str, Any]]:
    consents: dict[str, dict[str, Any]] = {}
    for card in cards:
        try:
            gate.check_in_force(card)
            in_force = True
        except ConsentError:
            in_force = False
        for grant in card.grants():
            known = consents.setdefault(
                grant.id,
                {
                    "id": grant.id, "object": "audio.voice_consent", "name": ", ".join(card.speakers),
                    "language": (card.languages or ["und"])[0], "created_at": 0, "kind": grant.kind,
                    "purposes": list(grant.purposes), "territories": list(grant.territories),
                    "expires": grant.expiration_time, "voices": [], "in_force": in_force,
                },
            )  # fmt: skip
            known["voices"].append(f"{card.name}@{card.version}")
    return consents


def _limit_of(asked: str | None) -> int:
    if asked is None:
        return LISTED
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:4]) <= MOST_LISTED or len(asked) > 3:
        raise RequestInvalid(f"limit is {asked[:20]!r}; give a number from 1 to {MOST_LISTED}", field="limit")
    return int(asked)
