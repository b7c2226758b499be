"""``clocktrain audit``: the log of what was spoken, and of who read which voice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.cli.accounts_options import ACCOUNTS_VARIABLE
from clock_train.cli.terminal_text import one_line
from clock_train.errors import AuditDamaged

if TYPE_CHECKING:
    from clock_train.audit.chain import Chain, LogSummary

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Verify, ship and search the log of who used which voice.",
)

Folder = Annotated[
    Path | None,
    typer.Option("--log", help="Folder of a log; by default this installation's, and its gateways' (--accounts)."),
]
Gateways = Annotated[
    str | None,
    typer.Option(
        "--accounts",
        metavar="PLACE",
        envvar=ACCOUNTS_VARIABLE,
        show_envvar=False,
        help="PostgreSQL where gateways keep their log; by default $CLOCKTRAIN_ACCOUNTS.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def verify(
    *,
    log: Folder = None,
    accounts: Gateways = None,
    shipped: Annotated[
        str | None, typer.Option(help="Also compare with the copy in this folder or s3://bucket.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Under which it was shipped.")] = "local",
    public_key: Annotated[str | None, typer.Option(help="Who must have signed; by default whom the log names.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check numbers, chain and signatures of every line."""
    from clock_train.audit.chain import verify_chain
    from clock_train.audit.shipping import compare, shipped_chains
    from clock_train.storage.opening import open_storage

    with _opened(log, accounts) as chains:
        summaries = {chain.name: verify_chain(chain, public_key=public_key) for chain in chains}
        num_compared = None
        if shipped:
            store, prefix = open_storage(shipped), prefix_of(namespace)
            if gone := shipped_chains(store, prefix) - set(summaries):
                raise AuditDamaged(
                    f'the chain "{min(gone)}" was shipped to {shipped} and is not here; restore it from there'
                )
            num_compared = sum(compare(chain, store, prefix) for chain in chains)
        places = [_said(chain) for chain in chains]
    if as_json:
        print(json.dumps(_plain(summaries, num_compared), indent=1))
        return
    for place, summary in zip(places, summaries.values(), strict=True):
        span = f"{summary.first_time} to {summary.last_time}"
        print(f"{place}: {summary.num_lines} lines in {summary.num_files} files fit, {span}")
        print(f"head {summary.head}; keep it elsewhere to show later that nothing was cut off")
    if len(summaries) > 1:
        print(f"{len(summaries)} chains fit, {sum(each.num_lines for each in summaries.values())} lines")
    if num_compared is not None:
        print(f"{num_compared} shipped files are the beginning of what is here")


@app.command()
def ship(
    *,
    to: Annotated[str, typer.Option(help="Folder or s3://bucket that keeps the copy.")],
    log: Folder = None,
    accounts: Gateways = None,
    namespace: Annotated[str, typer.Option(help="Whose log; one tenant each.")] = "local",
) -> None:
    """Verify the log and copy what is new of it to storage."""
    from clock_train.audit.shipping import ship as ship_chain
    from clock_train.storage.opening import open_storage

    store = open_storage(to)
    with _opened(log, accounts) as chains:
        for chain in chains:
            written = ship_chain(chain, store, prefix_of(namespace))
            said = f"{len(written)} files written to {to}" if written else f"{to} has all of it"
            print(f"{_said(chain)}: {said}")


@app.command()
def find(
    payload: Annotated[
        str, typer.Argument(metavar="PAYLOAD", help="What a detection read: twelve hexadecimal digits.")
    ],
    *,
    log: Folder = None,
    accounts: Gateways = None,
    as_json: AsJson = False,
) -> None:
    """The lines of the sounds that a payload may come from."""
    from clock_train.cli.issue_chains import opened_chains
    from clock_train.watermark.payload import Payload

    payload = Payload.from_hex(payload).hex
    with opened_chains(log, accounts) as chains:
        lines = [line for chain in chains for line in chain.lines_of(payload)]
    if as_json:
        print(json.dumps(lines, indent=1, ensure_ascii=False))
        return
    for line in lines:
        consents = ", ".join(line["consentIds"]) or "none"
        print(one_line(f"{line['time']}  {line['voice']}  consent {consents}  {line['requestId']}"))
    if not lines:
        print("no line: the mark alone proves nothing")


@app.command()
def access(
    *,
    voice: Annotated[str | None, typer.Option(help="Only of this voice, or of this speaker's pseudonym.")] = None,
    by: Annotated[str | None, typer.Option(help="Only of one, as user:1000 or key:ID.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only from this day on (UTC).", formats=["%Y-%m-%d"])] = None,
    log: Folder = None,
    accounts: Gateways = None,
    as_json: AsJson = False,
) -> None:
    """Who spoke with a voice, or read it or its recordings, and when."""
    from clock_train.audit.accesses import accesses_of

    first = None if since is None else since.replace(tzinfo=UTC)
    with _opened(log, accounts) as chains:
        found = sorted(accesses_of(chains, name=voice, by=by, since=first), key=lambda line: line.time)
    if as_json:
        print(json.dumps([line.as_plain() for line in found], indent=1, ensure_ascii=False))
        return
    if not found:
        print("no line")
        return
    counted: dict[tuple[str, str, str], list[datetime]] = {}
    for line in found:
        what = one_line(line.voice or f"recordings of {', '.join(line.speakers)}")
        counted.setdefault((what, line.access, line.by), []).append(line.time)
    rows = [("VOICE", "ACCESS", "BY", "TIMES", "FIRST", "LAST")]
    for (what, access, by_whom), times in sorted(counted.items()):
        rows.append((what, access, by_whom, str(len(times)), _minute(times[0]), _minute(times[-1])))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]))


@contextmanager
def _opened(log: Path | None, accounts: str | None) -> Iterator[Sequence[Chain]]:
    """At least one chain."""
    from clock_train.cli.issue_chains import opened_chains
    from clock_train.issuing.installation import Installation

    with opened_chains(log, accounts) as chains:
        if not chains:
            raise AuditDamaged(f'"{log or Installation().log_folder}" holds no log; name the folder of one')
        yield chains


def _minute(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")


def _said(chain: Chain) -> str:
    """A folder as it was named."""
    return chain.place.strip('"') if not chain.name else chain.place


def _plain(summaries: Mapping[str, LogSummary], num_compared: int | None) -> dict[str, object]:
    """One chain as itself; of several their sums, and each by its name."""
    if len(summaries) == 1:
        (summary,) = summaries.values()
        return {**summary.as_plain(), "comparedFiles": num_compared}
    return {
        "files": sum(each.num_files for each in summaries.values()),
        "lines": sum(each.num_lines for each in summaries.values()),
        "chains": {name: each.as_plain() for name, each in summaries.items()},
        "comparedFiles": num_compared,
    }


def prefix_of(namespace: str) -> str:
    """Of the keys of a shipped log."""
    return f"{namespace}/audit"
