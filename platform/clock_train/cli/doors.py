"""What the servers of voices share on the command line: options, the log, the words that say where they listen."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from clock_train.api.doors import Doors

Voices = Annotated[
    list[str], typer.Option(help="Folder of bundles, one bundle, or s3://bucket/prefix of a committed one. Repeatable.")
]
Serving = Annotated[
    Path | None, typer.Option(help="Serving table to follow; by default serving.json of the folder of voices.")
]
Host = Annotated[str, typer.Option(help="Address to listen on; other than loopback it needs --accounts.")]
HttpPort = Annotated[int, typer.Option(min=0, max=65535, help="Of HTTP; 0 takes a free one.")]
GrpcPort = Annotated[int, typer.Option(min=0, max=65535, help="Of gRPC; 0 takes a free one.")]
Lexicons = Annotated[
    Path | None, typer.Option(help="Folder of pronunciation lexicons: TENANT/NAME.json or .pls; see docs/ssml.md.")
]
TextPolicyFile = Annotated[
    Path | None,
    typer.Option("--text-policy", help="YAML of what voices may not be asked to say; see docs/compliance.md."),
]
Listening = Annotated[
    Path | None,
    typer.Option(help="Folder of a listening test or of several, whose pages are shown; see docs/listening.md."),
]
OpenLists = Annotated[bool, typer.Option("--open-lists", help="List models and voices without a key too.")]
WithoutKeys = Annotated[
    bool, typer.Option("--without-keys", help="Let others speak without a key: something before it asks for one.")
]
Purposes = Annotated[
    list[str] | None,
    typer.Option("--purpose", help="What speech asked for without a key is for; repeatable, by default demonstration."),
]
Territories = Annotated[
    list[str] | None,
    typer.Option("--territory", help="Where speech asked for without a key is heard; by default worldwide."),
]
Tls = Annotated[Path | None, typer.Option(help="Folder with tls.crt and tls.key, read anew when they change.")]
Plaintext = Annotated[
    bool, typer.Option("--plaintext", help="Answer others without TLS: an ingress or a mesh before it speaks TLS.")
]
MetricsPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Of Prometheus metrics; none by default, 0 takes a free one.")
]
Traces = Annotated[
    str | None,
    typer.Option(
        envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
        show_envvar=False,
        help="Collector of OpenTelemetry's traces, http://host:4318.",
    ),
]
Drain = Annotated[float, typer.Option(min=0, max=600, help="Seconds not ready before the doors close.")]
TritonLog = Annotated[Path | None, typer.Option(help="File for Triton's own log.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print where it listens as JSON.")]
DEFAULT_HTTP_PORT, DEFAULT_GRPC_PORT = 8880, 8881


def begin_log(*, is_open: bool) -> None:
    """On standard error.

    Args:
        is_open: whether others reach it without a key, which is warned of.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("clock_train").setLevel(logging.INFO)
    if is_open:
        logging.getLogger("clock_train").warning(
            "listening without keys: whoever reaches it speaks with every voice here"
        )


def print_doors(doors: Doors, as_json: bool) -> None:
    """Where speech can be asked for."""
    if as_json:
        print(json.dumps(vars(doors)), flush=True)
        return
    print(f"HTTP:    {doors.http}/v1/audio/speech")
    print(f"gRPC:    {doors.grpc}")
    print(f"Triton:  {doors.triton}")
    print(f"Voices:  {', '.join(doors.voices)}", flush=True)
