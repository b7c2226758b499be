"""``GET /v1/audio/ssml``: what of SSML this server does."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clock_train.text.overrides import ALPHABETS
from clock_train.text.say_as import KINDS
from clock_train.text.ssml import BOUNDS, MAX_BREAK_S, MAX_BREAKS_S, OBEYED, OTHERS, PASSED_OVER, UNSPOKEN
from clock_train.text.ssml_values import MAX_SPEED, MIN_SPEED, RATES, STRENGTHS_S


def ssml_routes() -> list[Route]:
    """The address. It tells of the program alone, so it asks for no key."""

    async def ssml(request: Request) -> Response:
        return JSONResponse(capabilities())

    return [Route("/v1/audio/ssml", ssml)]


def capabilities() -> dict[str, Any]:
    """Elements and their values, as ``docs/ssml.md`` has them."""
    return {
        "version": "1.1",
        "elements": {name: list(attributes) for name, attributes in OBEYED.items()},
        "ignored_attributes": {name: list(attributes) for name, attributes in PASSED_OVER.items()},
        "ignored_elements": list(OTHERS),
        "unspoken_elements": list(UNSPOKEN),
        "break_strengths": STRENGTHS_S,
        "break_seconds": {"each": MAX_BREAK_S, "all": MAX_BREAKS_S},
        "prosody_rates": RATES,
        "speed": {"min": MIN_SPEED, "max": MAX_SPEED},
        "phoneme_alphabets": list(ALPHABETS),
        "say_as": list(KINDS),
        "say_as_languages": ["zh", "en"],
        "max": {"characters": BOUNDS.characters, "elements": BOUNDS.elements, "depth": BOUNDS.depth},
    }
