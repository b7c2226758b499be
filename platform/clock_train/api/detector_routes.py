"""The detector for everyone: a page where a file is dropped, and an address that takes one. Neither needs a key.

Who holds a key with the scope ``audit:read`` learns everything: the payload, exact figures, and the lines of the signed
log that it names.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clock_train.accounts.keys import KeyScope
from clock_train.api.callers import Callers
from clock_train.api.desk import request_id_of
from clock_train.api.detecting import open_detector
from clock_train.api.page_routes import page_answer
from clock_train.api.problems import problem_of
from clock_train.api.refusals import refusal
from clock_train.errors import ClockTrainError, DetectorRefused
from clock_train.issuing.evidence import agreeing_lines, refuse_changed
from clock_train.issuing.installation import Installation
from clock_train.serving.backend_errors import coded_error
from clock_train.watermark.open_detector import OpenDetector

PATHS = ("/v1/watermark/detect", "/detect")
"""The second is the page's own."""
LOOK_S = 120.0
"""For one file of five minutes, on a core that others use."""


def detector_routes(callers: Callers, installation: Installation) -> list[Route]:
    """The addresses."""
    detector = open_detector(installation)
    looking = asyncio.Lock()

    async def detect(request: Request) -> Response:
        request_id = request_id_of(request.headers.get("x-request-id"))
        try:
            authorization = request.headers.get("authorization")
            is_exact = authorization is not None and callers.gatekeeper is not None
            client = request.client.host if request.client is not None else "unknown"
            if is_exact:
                await callers.identify(authorization, KeyScope.AUDIT_READ)
            else:
                detector.admit(client, int(request.headers.get("content-length") or 0))
            content = await _content(request, detector)
            name = unquote(request.headers.get("x-file-name", "sound"))
            told = await _looked(looking, detector, content, name, is_exact=is_exact)
            if is_exact:
                told["issued"] += await asyncio.to_thread(_shared_lines, installation, told["segments"])
        except Exception as error:
            return refusal(problem_of(error), request_id)
        return JSONResponse(told, headers={"x-request-id": request_id, "cache-control": "no-store"})

    async def show(request: Request) -> Response:
        return page_answer(detector.page())

    posts = [Route(path, detect, methods=["POST"]) for path in PATHS]
    return [*posts, Route("/detect", show)]


def _shared_lines(installation: Installation, segments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those of the log that replicas share."""
    lines = agreeing_lines(segments, installation.shared_lines_of)
    refuse_changed(lines, installation.signer().public_key)
    return lines


async def _content(request: Request, detector: OpenDetector) -> bytes:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        detector.refuse_size(len(content))
    return bytes(content)


async def _looked(
    looking: asyncio.Lock, detector: OpenDetector, content: bytes, name: str, *, is_exact: bool
) -> dict[str, Any]:
    """One at a time, in a process that makes room for speech."""
    try:
        async with asyncio.timeout(detector.limits.wait_s):
            await looking.acquire()
    except TimeoutError:
        raise DetectorRefused("others are being answered; try again in a minute") from None
    try:
        more = ["--exact"] if is_exact else []
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clock_train.api.detecting", name[-40:], *more,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LOOK_S):
                said, _ = await process.communicate(content)
        except TimeoutError:
            raise DetectorRefused(
                f"the file could not be looked into within {LOOK_S:.0f} s; send a shorter piece"
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    finally:
        looking.release()
    if process.returncode:
        raise DetectorRefused("the file could not be looked into; the server's log says why")
    told = json.loads(said)
    if "error" in told:
        raise coded_error(told["error"]) or ClockTrainError(told["error"])
    return told
