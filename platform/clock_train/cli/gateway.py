"""``clocktrain gateway``: the doors of ``clocktrain serve``, before a Triton on another machine or in another pod."""

from __future__ import annotations

from typing import Annotated

import typer

from clock_train.cli.accounts_options import Accounts
from clock_train.cli.doors import (
    DEFAULT_GRPC_PORT,
    DEFAULT_HTTP_PORT,
    AsJson,
    Drain,
    GrpcPort,
    Host,
    HttpPort,
    Lexicons,
    Listening,
    MetricsPort,
    OpenLists,
    Plaintext,
    Purposes,
    Serving,
    Territories,
    TextPolicyFile,
    Tls,
    Traces,
    Voices,
    WithoutKeys,
    begin_log,
    print_doors,
)
from clock_train.cli.log_shipping import ShipLog, ShipLogAs, shipping_log
from clock_train.serving.ports import LOOPBACK

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def gateway(
    *,
    triton: Annotated[str, typer.Option(metavar="HOST:PORT", help='Of the gRPC of a "clocktrain triton".')],
    voices: Voices = [],  # noqa: B006
    serving: Serving = None,
    host: Host = LOOPBACK,
    http_port: HttpPort = DEFAULT_HTTP_PORT,
    grpc_port: GrpcPort = DEFAULT_GRPC_PORT,
    lexicons: Lexicons = None,
    text_policy: TextPolicyFile = None,
    listening: Listening = None,
    accounts: Accounts = None,
    open_lists: OpenLists = False,
    without_keys: WithoutKeys = False,
    purposes: Purposes = None,
    territories: Territories = None,
    tls: Tls = None,
    plaintext: Plaintext = False,
    metrics_port: MetricsPort = None,
    drain: Drain = 0.0,
    traces: Traces = None,
    ship_log: ShipLog = None,
    ship_log_as: ShipLogAs = "local",
    as_json: AsJson = False,
) -> None:
    """Serve voices by HTTP and gRPC, with Triton elsewhere.

    Until Ctrl-C. Triton marks every sound; its line is written to the log of this side. Both need the same keys: see
    "clocktrain keys".
    """
    from clock_train.api.bundle_places import VoicePlaces
    from clock_train.api.doors import DoorsConfig
    from clock_train.api.gateway import GatewayConfig, serve_before

    begin_log(is_open=without_keys and accounts is None)
    config = GatewayConfig(
        doors=DoorsConfig(
            host=host,
            http_port=http_port,
            grpc_port=grpc_port,
            lexicons=lexicons,
            text_policy=text_policy,
            listening=listening,
            accounts=accounts,
            has_open_lists=open_lists,
            without_keys=without_keys,
            purposes=purposes or [],
            territories=territories or [],
            tls=tls,
            is_plain=plaintext,
            metrics_port=metrics_port,
            drain_s=drain,
            traces=traces,
        ),
        triton=triton,
        places=VoicePlaces(voices=voices, table=serving),
    )
    with shipping_log(ship_log, ship_log_as, accounts):
        serve_before(config, on_ready=lambda doors: print_doors(doors, as_json))
