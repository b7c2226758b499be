"""Traces of requests by OpenTelemetry: one span a request, its reading and speaking below it, Triton's own below that.

They are sent by OTLP over HTTP to the collector that is named; without one nothing is made.

A caller's ``traceparent`` is gone on with. No span holds a text or a key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

TRACEPARENT = "traceparent"
SERVICE = "clocktrain-gateway"
EXPORT_S = 5
"""For a collector that is slow; a queue between it and the requests forgets what does not fit."""


def traces_url(endpoint: str) -> str:
    """Where a collector takes spans, from the address that OpenTelemetry's variables give."""
    return endpoint if endpoint.endswith("/v1/traces") else f"{endpoint.rstrip('/')}/v1/traces"


class RequestTrace:
    """One request; every method does nothing where nothing is traced."""

    def __init__(self, tracer: Any = None, span: Any = None) -> None:
        self._tracer, self._span = tracer, span

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, str]]:
        """A part of it; gives what a server that is asked within goes on with."""
        if self._tracer is None:
            yield {}
            return
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = trace.set_span_in_context(self._span)
        span = self._tracer.start_span(name, context=context)
        carried: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carried, trace.set_span_in_context(span))
        try:
            yield carried
        finally:
            span.end()

    def note(self, name: str) -> None:
        """A moment of it."""
        if self._span is not None:
            self._span.add_event(name)

    def end(self, how: str, **facts: str | int | float) -> None:
        """It is over.

        Args:
            how: spoken, left, failed or refused.
            facts: figures and names, never a text.
        """
        if self._span is None:
            return
        from opentelemetry.trace import StatusCode

        self._span.set_attributes(
            {"clocktrain.end": how, **{f"clocktrain.{name}": fact for name, fact in facts.items()}}
        )
        if how == "failed":
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class Tracing:
    """Makes traces of requests.

    Args:
        endpoint: address of a collector of OTLP over HTTP; None traces nothing.
    """

    def __init__(self, endpoint: str | None) -> None:
        self._provider: Any = None
        if endpoint is None:
            return
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
        exporter = OTLPSpanExporter(endpoint=traces_url(endpoint), timeout=EXPORT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
        self._tracer = self._provider.get_tracer("clock_train")

    def begin(self, request_id: str, carried: Mapping[str, str]) -> RequestTrace:
        """A request comes.

        Args:
            request_id: stands in the log as well.
            carried: headers or metadata of the caller, by small letters.
        """
        if self._provider is None:
            return RequestTrace()
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract(dict(carried))
        attributes = {"clocktrain.request_id": request_id}
        span = self._tracer.start_span("speech", context=context, kind=SpanKind.SERVER, attributes=attributes)
        return RequestTrace(self._tracer, span)

    def close(self) -> None:
        """Send what waits, within a bound."""
        if self._provider is not None:
            self._provider.shutdown()
