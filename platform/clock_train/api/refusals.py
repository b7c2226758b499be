"""What the HTTP door says when something cannot be done: OpenAI's form of an error, with our codes, and the limits."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clock_train.accounts.keys import KeyScope
from clock_train.api.callers import Caller, Callers, Limits
from clock_train.api.desk import request_id_of
from clock_train.api.problems import Problem, problem_of
from clock_train.errors import QuotaExhausted

Handle = Callable[[Request, str, Caller], Awaitable[Response]]
Answer = Callable[[Request], Awaitable[Response]]


def answering(callers: Callers, scope: KeyScope, *, is_list: bool = False) -> Callable[[Handle], Answer]:
    """Makes handlers that know who asks, whose errors are told, and whose every answer has the id of its request.

    Args:
        callers: knows keys.
        scope: that a key must have.
        is_list: whether only what there is is asked for.
    """

    def decorate(handle: Handle) -> Answer:
        @wraps(handle)
        async def answer(request: Request) -> Response:
            request_id = request_id_of(request.headers.get("x-request-id"))
            try:
                caller = await callers.identify(request.headers.get("authorization"), scope, is_list=is_list)
                response = await handle(request, request_id, caller)
            except Exception as error:
                return refusal(problem_of(error), request_id)
            response.headers.setdefault("x-request-id", request_id)
            return response

        return answer

    return decorate


def refusal(problem: Problem, request_id: str, *, status: int | None = None) -> Response:
    """A problem as an answer."""
    headers = {"x-request-id": request_id}
    if problem.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(problem.retry_after_s))
    if problem.http_status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(problem.limit, QuotaExhausted):
        headers |= {"x-should-retry": "false"} | _characters(
            problem.limit.limit, problem.limit.remaining, problem.limit.reset_s
        )
    elif problem.limit is not None:
        headers["retry-after-ms"] = str(math.ceil(1000 * problem.limit.retry_after_s))
        headers |= _requests(problem.limit.limit, problem.limit.remaining, problem.limit.reset_s)
    elif problem.retry_after_s is None and problem.http_status >= 500:
        headers["x-should-retry"] = "false"
    return JSONResponse({"error": told(problem, request_id)}, status or problem.http_status, headers)


def limit_headers(limits: Limits | None) -> dict[str, str]:
    """How a key stands after its request was let in; none where there are no keys."""
    if limits is None:
        return {}
    headers = _requests(limits.requests.limit, limits.requests.remaining, limits.requests.reset_s)
    if limits.characters.limit:
        headers |= _characters(limits.characters.limit, limits.characters.remaining, limits.characters.reset_s)
    return headers


def told(problem: Problem, request_id: str) -> dict[str, Any]:
    """A problem as OpenAI's clients read it."""
    return {
        "message": problem.message, "type": problem.kind, "param": problem.field, "code": problem.rest_code,
        "request_id": request_id,
    }  # fmt: skip


def _requests(limit: int, remaining: int, reset_s: float) -> dict[str, str]:
    seconds = math.ceil(reset_s)
    return {
        "ratelimit-policy": f'"qps";q={limit};w=1', "ratelimit": f'"qps";r={remaining};t={seconds}',
        "x-ratelimit-limit-requests": str(limit), "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{seconds}s",
    }  # fmt: skip


def _characters(limit: int, remaining: int, reset_s: float) -> dict[str, str]:
    name = "x-clocktrain-quota-characters"
    return {f"{name}-limit": str(limit), f"{name}-remaining": str(remaining), f"{name}-reset": str(math.ceil(reset_s))}
