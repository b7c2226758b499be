"""``clocktrain usage``: what was spoken for whom."""

from __future__ import annotations

import json
import re
import time
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.cli.accounts_options import Accounts, opened
from clock_train.errors import ConfigValueInvalid

if TYPE_CHECKING:
    from clock_train.accounts.usage import UsageReport

WIDEST = 120

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def usage(
    *,
    accounts: Accounts = None,
    tenant: Annotated[str | None, typer.Option(help="Only the usage of this tenant.")] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help="First UTC day, such as 2027-01-31.")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Last UTC day, which counts as well.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print rows as CSV.")] = False,
    as_prometheus: Annotated[bool, typer.Option("--prometheus", help="Print sums as Prometheus text.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Say what was spoken, by day, API key and voice."""
    from clock_train.accounts.usage_export import usage_csv, usage_prometheus

    if as_csv + as_prometheus + as_json > 1:
        raise ConfigValueInvalid("--csv, --prometheus and --json exclude one another; give one")
    span = {"since": _day("--since", since), "until": _day("--until", until) or "9999-12-31"}
    with opened(accounts) as store:
        report = store.read_usage(tenant=tenant, **span, now=time.time())
    if as_csv:
        print(usage_csv(report), end="")
    elif as_prometheus:
        print(usage_prometheus(report), end="")
    elif as_json:
        print(json.dumps(_plain(report), indent=1, ensure_ascii=False))
    else:
        _print(report)


def _day(option: str, text: str) -> str:
    if not text:
        return ""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ConfigValueInvalid(f'{option} "{text}" is no day; give one such as 2027-01-31')


def _plain(report: UsageReport) -> dict[str, object]:
    return {
        "usage": [
            {
                **group._asdict(),
                "requests": used.requests,
                "characters": used.characters,
                "audioSeconds": round(used.audio_seconds, 3),
                "unsettled": used.unsettled,
            }
            for group, used in report.used.items()
        ],
        "refused": [{**group._asdict(), "times": times} for group, times in report.refused.items()],
        "unsettled": report.unsettled,
    }


def _print(report: UsageReport) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.width = max(console.width, WIDEST)
    table = Table(box=None, pad_edge=False)
    for head in ("day", "tenant", "key", "voice"):
        table.add_column(head)
    for head in ("requests", "characters", "audio s", "unsettled"):
        table.add_column(head, justify="right")
    for group, used in report.used.items():
        sums = (str(used.requests), str(used.characters), f"{used.audio_seconds:.1f}", str(used.unsettled or ""))
        table.add_row(*map(Text, (*group, *sums)))
    console.print(table)
    if report.refused:
        refused = Table(box=None, pad_edge=False)
        for head in ("day", "tenant", "key", "refused for"):
            refused.add_column(head)
        refused.add_column("times", justify="right")
        for group, times in report.refused.items():
            refused.add_row(*map(Text, (*group, str(times))))
        console.print()
        console.print(refused)
    if report.unsettled:
        print(f"\n{report.unsettled} characters are unsettled: a replica had reserved them when it was lost")
