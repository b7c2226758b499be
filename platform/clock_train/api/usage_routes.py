"""``GET /v1/usage``: what a tenant used, by day, key and voice, as JSON or CSV; to its own keys with ``usage:read``."""

from __future__ import annotations

import asyncio
import re
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from clock_train.accounts.keys import KeyScope
from clock_train.accounts.usage_export import usage_csv
from clock_train.api.callers import Caller, Callers
from clock_train.api.refusals import answering
from clock_train.errors import RequestInvalid

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def usage_routes(callers: Callers) -> list[Route]:
    """The address."""

    @answering(callers, KeyScope.USAGE_READ)
    async def usage(request: Request, request_id: str, caller: Caller) -> Response:
        since, until = _day(request, "since", ""), _day(request, "until", "9999-12-31")
        gatekeeper, key = callers.gatekeeper, caller.key
        if gatekeeper is None or key is None:
            raise RequestInvalid("nothing is counted here: this server has no accounts")
        report = await asyncio.to_thread(
            gatekeeper.store.read_usage, tenant=key.tenant, since=since, until=until, now=time.time()
        )
        if request.query_params.get("format") == "csv":
            return PlainTextResponse(usage_csv(report), media_type="text/csv; charset=utf-8")
        used = [{**group._asdict(), **vars(each)} for group, each in report.used.items()]
        refused = [{**group._asdict(), "times": times} for group, times in report.refused.items()]
        return JSONResponse({"object": "list", "data": used, "refused": refused})

    return [Route("/v1/usage", usage)]


def _day(request: Request, name: str, usual: str) -> str:
    given = request.query_params.get(name, usual)
    if given != usual and not _DAY.fullmatch(given):
        raise RequestInvalid(f"{name} is no day; give one such as 2027-01-31", field=name)
    return given
