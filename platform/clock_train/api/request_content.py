"""The bytes of a request that says it is JSON, and no more of them than any request need have."""

from __future__ import annotations

from starlette.requests import Request

from clock_train.errors import RequestInvalid, RequestTooLarge

MOST_BODY_BYTES = 1 << 20


async def json_content(request: Request) -> bytes:
    """All of it.

    Raises:
        RequestInvalid: another type; a page of somebody else's in a browser cannot send this one unasked.
        RequestTooLarge: over ``MOST_BODY_BYTES``.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestInvalid("the body is not said to be JSON; send content-type: application/json")
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > MOST_BODY_BYTES:
            raise RequestTooLarge(f"the body is over {MOST_BODY_BYTES} bytes; send the text in parts")
    return bytes(content)
