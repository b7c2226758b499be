"""What a scraper sees of a server of voices: requests, how soon they are heard, what they used. No text, no secret."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from clock_train.accounts.gatekeeper import Gatekeeper
from clock_train.accounts.usage_export import PROMETHEUS_TYPE, usage_prometheus

SOON_S = (0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Measures:
    """Of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.open = Gauge("clocktrain_speech_open", "Requests that are spoken or wait.", registry=self._registry)
        self.ended = Counter(
            "clocktrain_speech_ended", "Requests by their end: spoken, left, failed or refused.", ["end"],
            registry=self._registry,
        )  # fmt: skip
        self.refused = Counter(
            "clocktrain_speech_refused", "Requests that were refused, by code.", ["code"], registry=self._registry
        )
        self.first_s = Histogram(
            "clocktrain_speech_first_sound_seconds", "From the request to its first sound.", buckets=SOON_S,
            registry=self._registry,
        )  # fmt: skip
        self.all_s = Histogram(
            "clocktrain_speech_seconds", "From the request to its end.", buckets=LONG_S, registry=self._registry
        )
        self.sound_s = Counter(
            "clocktrain_speech_sound_seconds", "Sound that was handed out.", ["voice"], registry=self._registry
        )
        self.is_ready = Gauge("clocktrain_ready", "Whether speech can be asked for.", registry=self._registry)
        for end in ("spoken", "left", "failed", "refused"):
            self.ended.labels(end)

    def text(self, gatekeeper: Gatekeeper | None) -> bytes:
        """As Prometheus reads it."""
        usage = "" if gatekeeper is None else usage_prometheus(gatekeeper.totals())
        return generate_latest(self._registry) + usage.encode()


def metrics_app(measures: Measures, gatekeeper: Gatekeeper | None) -> Starlette:
    """``/metrics`` on a port of its own, which no client of the API reaches."""

    async def metrics(request: Request) -> Response:
        return Response(measures.text(gatekeeper), media_type=PROMETHEUS_TYPE)

    return Starlette(routes=[Route("/metrics", metrics)])
