"""``clocktrain audit``: the log of what was spoken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Verify, ship and search the log of what was spoken.",
)

Folder = Annotated[Path | None, typer.Option("--log", help="Folder of the log; by default this installation's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def verify(
    *,
    log: Folder = None,
    shipped: Annotated[
        str | None, typer.Option(help="Also compare with the copy in this folder or s3://bucket.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Under which it was shipped.")] = "local",
    public_key: Annotated[str | None, typer.Option(help="Who must have signed; by default whom the log names.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check numbers, chain and signatures of every line."""
    from clock_train.audit.log import verify as verify_log
    from clock_train.audit.shipping import compare
    from clock_train.storage.opening import open_storage

    folder = _folder(log)
    summary = verify_log(folder, public_key=public_key)
    num_compared = compare(folder, open_storage(shipped), _prefix(namespace)) if shipped else None
    if as_json:
        print(json.dumps({**summary.as_plain(), "comparedFiles": num_compared}, indent=1))
        return
    span = f"{summary.first_time} to {summary.last_time}"
    print(f"{folder}: {summary.num_lines} lines in {summary.num_files} files fit, {span}")
    print(f"head {summary.head}; keep it elsewhere to show later that nothing was cut off")
    if num_compared is not None:
        print(f"{num_compared} shipped files are the beginning of what is here")


@app.command()
def ship(
    *,
    to: Annotated[str, typer.Option(help="Folder or s3://bucket that keeps the copy.")],
    log: Folder = None,
    namespace: Annotated[str, typer.Option(help="Whose log; one tenant each.")] = "local",
) -> None:
    """Verify the log and copy what is new of it to storage."""
    from clock_train.audit.shipping import ship as ship_log
    from clock_train.storage.opening import open_storage

    folder = _folder(log)
    written = ship_log(folder, open_storage(to), _prefix(namespace))
    print(f"{folder}: {len(written)} files written to {to}" if written else f"{folder}: {to} has all of it")


@app.command()
def find(
    payload: Annotated[
        str, typer.Argument(metavar="PAYLOAD", help="What a detection read: twelve hexadecimal digits.")
    ],
    *,
    log: Folder = None,
    as_json: AsJson = False,
) -> None:
    """The lines of the sounds that a payload may come from."""
    from clock_train.audit.log import lines_of
    from clock_train.watermark.payload import Payload

    lines = lines_of(_folder(log), Payload.from_hex(payload).hex)
    if as_json:
        print(json.dumps(lines, indent=1, ensure_ascii=False))
        return
    for line in lines:
        print(
            f"{line['time']}  {line['voice']}  consent {', '.join(line['consentIds']) or 'none'}  {line['requestId']}"
        )
    if not lines:
        print("no line: the mark alone proves nothing")


def _folder(log: Path | None) -> Path:
    from clock_train.issuing.installation import Installation

    return log or Installation().log_folder


def _prefix(namespace: str) -> str:
    return f"{namespace}/audit"
