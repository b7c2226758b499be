"""The HTTP door: speech as OpenAI's clients ask for it, lists of what there is, and two probes.

A server on loopback answers to loopback's names only, and takes JSON only: a page in the person's browser can then
neither ask nor read.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clock_train.api.callers import Callers
from clock_train.api.consent_routes import consent_routes
from clock_train.api.desk import SpeechDesk, request_id_of
from clock_train.api.detector_routes import detector_routes
from clock_train.api.listening_routes import listening_routes
from clock_train.api.listing_routes import listing_routes
from clock_train.api.page_routes import page_routes
from clock_train.api.problems import problem_of
from clock_train.api.refusals import refusal
from clock_train.api.speech_routes import speech_routes
from clock_train.api.ssml_routes import ssml_routes
from clock_train.api.usage_routes import usage_routes
from clock_train.errors import RequestInvalid
from clock_train.issuing.installation import Installation
from clock_train.listening.rooms import ListeningRooms
from clock_train.text.lexicon_folder import LexiconFolder

LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"]


def http_app(
    desk: SpeechDesk,
    callers: Callers,
    lexicons: LexiconFolder,
    installation: Installation,
    *,
    is_ready: Callable[[], bool],
    hosts: list[str] | None,
    listening: ListeningRooms | None = None,
) -> Starlette:
    """The door.

    Args:
        desk: takes the orders.
        callers: knows keys.
        lexicons: of all tenants.
        installation: whose marks are looked for, and in whose log.
        is_ready: whether speech can be asked for now.
        hosts: names that it answers to; None is any.
        listening: tests whose pages are shown.
    """

    async def alive(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(request: Request) -> Response:
        return JSONResponse({"status": "ready"}) if is_ready() else JSONResponse({"status": "not ready"}, 503)

    probes = [Route("/healthz", alive), Route("/livez", alive), Route("/readyz", ready)]
    routes = [
        *speech_routes(desk, callers, lexicons),
        *listing_routes(desk, callers),
        *consent_routes(desk, callers, installation),
        *usage_routes(callers),
        *page_routes(has_listening=listening is not None),
        *detector_routes(callers, installation),
        *ssml_routes(),
        *listening_routes(listening),
        *probes,
    ]
    there = ", ".join(f"{' '.join(sorted((route.methods or set()) - {'HEAD'}))} {route.path}" for route in routes)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = problem_of(RequestInvalid(f"{error.detail}; there are {there}"))
        return refusal(problem, request_id_of(None), status=error.status_code)

    async def broken(request: Request, error: Exception) -> Response:
        return refusal(problem_of(error), request_id_of(None))

    return Starlette(
        routes=routes,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts or ["*"])],
        exception_handlers={HTTPException: unknown, Exception: broken},
    )
