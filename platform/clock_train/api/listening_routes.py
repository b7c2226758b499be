"""Blind listening tests for people: a page at ``/listen/TOKEN``, and what it asks for. The token alone lets in.

Answers tell nothing of a sound but its samples: no name, no time of a file, nothing that can be kept in a cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clock_train.api.desk import request_id_of
from clock_train.api.page_routes import page
from clock_train.api.problems import problem_of
from clock_train.api.refusals import refusal
from clock_train.api.request_content import json_content
from clock_train.api.speech_body import read_body
from clock_train.api.vote_body import VoteBody
from clock_train.listening.rooms import Ballot, ListeningRooms

COOKIE = "clocktrain-listening"
COOKIE_S = 60 * 86_400
NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Answer = Callable[[Request], Awaitable[Response]]


def listening_routes(rooms: ListeningRooms | None) -> list[Route]:
    """The addresses; none where there are no tests."""
    if rooms is None:
        return []

    async def show(request: Request) -> Response:
        return page("listen.html")  # a chat's preview of the link begins no session

    @_told
    async def session(request: Request) -> Response:
        def find() -> dict[str, object]:
            room, invitation = rooms.of_token(request.path_params["token"])
            return room.session(invitation, request.cookies.get(COOKIE))

        return JSONResponse(await asyncio.to_thread(find), headers=NO_STORE)

    @_told
    async def begin(request: Request) -> Response:
        await json_content(request)  # another site's form cannot send this type

        def start() -> tuple[str | None, dict[str, object]]:
            room, invitation = rooms.of_token(request.path_params["token"])
            known = room.session(invitation, request.cookies.get(COOKIE))
            if known["isBegun"]:
                return None, known
            secret = room.begin(invitation)
            return secret, room.session(invitation, secret)

        secret, told = await asyncio.to_thread(start)
        response = JSONResponse(told, headers=NO_STORE)
        if secret is not None:
            # without a path it counts for this token alone, under whatever path an ingress puts before it
            response.set_cookie(
                COOKIE, secret, max_age=COOKIE_S, path=None, httponly=True, samesite="strict",
                secure=request.url.scheme == "https",
            )  # fmt: skip
        return response

    @_told
    async def sound(request: Request) -> Response:
        def read() -> bytes:
            room, invitation = rooms.of_token(request.path_params["token"])
            return room.sound(invitation, request.path_params["sound"], request.cookies.get(COOKIE))

        return Response(await asyncio.to_thread(read), media_type="audio/wav", headers=NO_STORE)

    @_told
    async def vote(request: Request) -> Response:
        body = read_body(VoteBody, await json_content(request))
        ballot = Ballot(
            trial=body.trial, answer=body.answer, ms=body.ms, plays=tuple(body.plays), ended=tuple(body.ended)
        )

        def keep() -> bool:
            room, invitation = rooms.of_token(request.path_params["token"])
            return room.vote(invitation, ballot, request.cookies.get(COOKIE))

        is_last = await asyncio.to_thread(keep)
        return JSONResponse({"done": ballot.trial + 1, "isFinished": is_last}, headers=NO_STORE)

    own = "/v1/listening/{token}"
    return [
        Route("/listen/{token}", show),
        Route(own, session),
        Route(f"{own}/session", begin, methods=["POST"]),
        Route(f"{own}/stimuli/{{sound}}", sound),
        Route(f"{own}/votes", vote, methods=["POST"]),
    ]


def _told(handle: Answer) -> Answer:
    async def answer(request: Request) -> Response:
        try:
            return await handle(request)
        except Exception as error:
            return refusal(problem_of(error), request_id_of(request.headers.get("x-request-id")))

    return answer
