"""Pages for people: a voice to try at ``/``, the API at ``/docs``. Nothing of them comes from another server."""

from __future__ import annotations

import secrets
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from clock_train.api import pages
from clock_train.api.openapi import openapi

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
    "img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_routes(*, has_listening: bool = False) -> list[Route]:
    """The addresses.

    Args:
        has_listening: whether listening tests are shown, and the API's page lists what they ask for.
    """

    async def try_voice(request: Request) -> Response:
        return page("try.html")

    async def docs(request: Request) -> Response:
        return page("docs.html")

    described = openapi(has_listening=has_listening)

    async def api(request: Request) -> Response:
        return JSONResponse(described)

    return [Route("/", try_voice), Route("/docs", docs), Route("/v1/openapi.json", api)]


def page(name: str) -> Response:
    """A page of this package."""
    return page_answer(files(pages).joinpath(name).read_text(encoding="utf-8"))


def page_answer(text: str) -> Response:
    """A page, with a policy by which only its own script and style are run; NONCE in it is replaced."""
    nonce = secrets.token_urlsafe(16)
    headers = {
        "content-security-policy": POLICY.format(nonce=nonce),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    return HTMLResponse(text.replace("NONCE", nonce), headers=headers)
