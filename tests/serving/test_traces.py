"""Traces of a request from its caller through the gateway to Triton, as a collector of OpenTelemetry's gets them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_process import front  # pyright: ignore[reportMissingImports]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from served_voices import voices_in  # pyright: ignore[reportMissingImports]
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.client import SpeechClient
from clock_train.serving.ports import free_port

pytestmark = pytest.mark.ring2
TEXT = "Rumpelstilzchen is my name."
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    content: str
    """All of it, for what must not be there."""
    facts: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


class Collector(ThreadingHTTPServer):
    """Takes spans as OTLP over HTTP sends them; a mock at a seam, of which both senders are real."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                is_json = "json" in self.headers["content-type"]  # as Triton sends
                collector.spans += of_json(json.loads(content)) if is_json else of_protobuf(content)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)

    def of(self, service: str, trace: str) -> dict[str, Span]:
        return {span.name: span for span in list(self.spans) if (span.service, span.trace) == (service, trace)}


def of_protobuf(content: bytes) -> list[Span]:
    sent, found = ExportTraceServiceRequest.FromString(content), []
    for resource in sent.resource_spans:
        names = {each.key: each.value.string_value for each in resource.resource.attributes}
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            facts = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
            ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
            events = [event.name for event in span.events]
            found.append(Span(names["service.name"], span.name, *ids, str(span), facts, events))
    return found


def of_json(sent: dict[str, Any]) -> list[Span]:
    found = []
    for resource in sent["resourceSpans"]:
        names = {each["key"]: each["value"].get("stringValue") for each in resource["resource"]["attributes"]}
        for span in (span for scope in resource["scopeSpans"] for span in scope["spans"]):
            ids = (span["traceId"], span["spanId"], span.get("parentSpanId", ""))
            found.append(Span(names.get("service.name") or "", span["name"], *ids, json.dumps(span)))
    return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traced")
    voices_in(folder)
    return folder


def test_one_trace_leads_from_the_caller_through_the_gateway_to_triton(folder: Path, collector: Collector) -> None:
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    with front(folder / "voices", folder / "issuing", "--traces", address) as served:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "x-request-id": "traced"}
        body = {"input": TEXT, "voice": "duo"}
        assert httpx.post(f"{served.http}/v1/audio/speech", json=body, headers=headers, timeout=60).status_code == 200
        until(lambda: "speech" in collector.of("clocktrain-gateway", TRACE), "the gateway's spans come")
        until(lambda: collector.of("clocktrain-triton", TRACE), "Triton's spans come")
        with SpeechClient(served.grpc) as client:
            client.synthesize(TEXT, voice="duo", request_id="by-grpc")
        until(lambda: [span.name for span in collector.spans].count("speech") == 2, "gRPC is traced too")
    own = collector.of("clocktrain-gateway", TRACE)
    assert set(own) == {"speech", "read text", "speak duo@1"}
    assert own["speech"].parent == CALLER
    assert own["speak duo@1"].parent == own["read text"].parent == own["speech"].id
    assert own["speech"].events == ["first sound"]
    assert own["speech"].facts["clocktrain.end"] == "spoken"
    assert own["speech"].facts["clocktrain.characters"] == len(TEXT)
    parents = {span.parent for span in collector.of("clocktrain-triton", TRACE).values()}
    assert own["speak duo@1"].id in parents, "Triton's trace hangs below the gateway's"
    assert not any("Rumpel" in span.content for span in collector.spans)


def test_a_collector_that_is_away_holds_up_no_speech_and_no_end(folder: Path) -> None:
    with front(folder / "voices", folder / "issuing", "--traces", f"http://127.0.0.1:{free_port()}") as served:
        for _ in range(3):
            body = {"input": TEXT, "voice": "duo"}
            assert httpx.post(f"{served.http}/v1/audio/speech", json=body, timeout=10).status_code == 200
        served.process.terminate()
        assert served.process.wait(30) == 0
