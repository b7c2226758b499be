"""``clocktrain triton``: voices in memory, for gateways to ask."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from clock_train.cli.doors import AsJson, Host, Serving, Traces, TritonLog, Voices, begin_log
from clock_train.cli.log_shipping import ShipLog, ShipLogAs, shipping_log
from clock_train.serving.ports import LOOPBACK

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def triton(
    *,
    voices: Voices = [],  # noqa: B006
    serving: Serving = None,
    host: Host = LOOPBACK,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of its gRPC.")] = 8001,
    triton_log: TritonLog = None,
    traces: Traces = None,
    ship_log: ShipLog = None,
    ship_log_as: ShipLogAs = "local",
    as_json: AsJson = False,
) -> None:
    """Hold voices in Triton, for gateways to ask.

    Until Ctrl-C. Every voice is loaded and stays; whoever reaches the port may have speech, marked and logged, and
    may neither load nor unload anything.
    """
    from clock_train.api.bundle_places import VoicePlaces
    from clock_train.api.voice_pool import TritonConfig, keep_voices

    def say(address: str, loaded: list[str]) -> None:
        if as_json:
            print(json.dumps({"triton": address, "voices": loaded}), flush=True)
            return
        print(f"Triton:  {address}")
        print(f"Voices:  {', '.join(loaded)}", flush=True)

    begin_log(is_open=False)  # who reaches it has speech, and nothing else; the gateway before it asks for keys
    config = TritonConfig(
        places=VoicePlaces(voices=voices, table=serving), host=host, port=port, log_path=triton_log, traces=traces
    )
    with shipping_log(ship_log, ship_log_as):
        keep_voices(config, on_ready=say)
