"""``clocktrain erase``: a voice or a speaker, with a signed receipt, and the proof of one."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.errors import ConfigValueInvalid, ReceiptInvalid

if TYPE_CHECKING:
    from clock_train.erasure.receipt import Receipt
    from clock_train.erasure.request import Request

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Erase a voice, a speaker or recordings, with a signed receipt.",
)

Stores = Annotated[list[str] | None, typer.Option("--store", help="Folder or s3://bucket; repeatable.")]
Namespace = Annotated[str, typer.Option(help="Of the stores.")]
Folders = Annotated[
    list[Path] | None,
    typer.Option("--folder", help="Outputs, voices, corpora, caches, looked through to the bottom; repeatable."),
]
OwnRecordings = Annotated[
    list[Path] | None,
    typer.Option(
        "--recordings", help="Folder with nothing but this speaker's recordings, beside those that --folder finds."
    ),
]
Trackers = Annotated[
    list[str] | None, typer.Option("--tracking", help="MLflow; by default $MLFLOW_TRACKING_URI; repeatable.")
]
Tables = Annotated[list[Path] | None, typer.Option("--serving", help="Serving table outside --folder; repeatable.")]
Reason = Annotated[str, typer.Option(help="Why, for the receipt.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would go and what would stay; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result for scripts.")]
MOST_SHOWN = 12


@app.command()
def voice(
    name: Annotated[str, typer.Argument(metavar="VOICE", help="Its name.")],
    *,
    stores: Stores = None,
    namespace: Namespace = "local",
    folders: Folders = None,
    trackers: Trackers = None,
    tables: Tables = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase what a voice's training made; never recordings or a corpus."""
    from clock_train.erasure.request import Request

    request = Request(
        scope="voice", name=name, reason=reason, stores=stores or [], namespace=namespace, folders=folders or [],
        trackers=named_trackers(trackers), tables=tables or [],
    )  # fmt: skip
    _erase(request, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
def speaker(
    name: Annotated[str, typer.Argument(metavar="SPEAKER", help="Pseudonym, as in the consent.")],
    *,
    stores: Stores = None,
    namespace: Namespace = "local",
    folders: Folders = None,
    recordings: OwnRecordings = None,
    trackers: Trackers = None,
    tables: Tables = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase everything of a speaker: recordings, corpora and their revisions, voices, runs, prints, lines of logs."""
    from clock_train.erasure.request import Request

    request = Request(
        scope="speaker", name=name, reason=reason, stores=stores or [], namespace=namespace, folders=folders or [],
        recordings=recordings or [], trackers=named_trackers(trackers), tables=tables or [],
    )  # fmt: skip
    _erase(request, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
def recordings(
    name: Annotated[str, typer.Argument(metavar="SPEAKER", help="Pseudonym, as in the consent.")],
    *,
    stores: Stores = None,
    namespace: Namespace = "local",
    folders: Folders = None,
    recordings: OwnRecordings = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase a speaker's recordings, corpora and their revisions; voices that were made from them stay."""
    from clock_train.erasure.request import Request

    request = Request(
        scope="recordings", name=name, reason=reason, stores=stores or [], namespace=namespace, folders=folders or [],
        recordings=recordings or [],
    )  # fmt: skip
    _erase(request, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
def verify(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="File, or s3://bucket/key.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Check a receipt's signature, and prove that none of its objects is left."""
    from clock_train.erasure.verifying import verify_receipt
    from clock_train.issuing.installation import Installation

    proof = verify_receipt(_content(receipt), Installation().trusted_keys(), where=receipt)
    if as_json:
        print(json.dumps({"receipt": proof.receipt.values(), "lookedUp": proof.looked_up}, ensure_ascii=False))
        return
    print(f"{receipt}: signed by {proof.receipt.signed_by}, {proof.receipt.scope} {proof.receipt.name}")
    print(f"looked up {proof.looked_up} objects in their places: none is left")


def _erase(request: Request, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    from clock_train.erasure.request import erase, plan
    from clock_train.issuing.installation import Installation

    installation = Installation()
    if dry_run:
        _show(plan(request, installation), as_json, "would be erased")
        return
    if not yes:
        _ask(plan(request, installation))
    receipt, path = erase(request, installation, report=show_progress)
    if as_json:
        print(json.dumps({"receipt": str(path), **receipt.values()}, ensure_ascii=False))
        return
    _show(receipt, as_json, "erased")
    print(f'Receipt: {path}\nProof:   clocktrain erase verify "{path}"')


def _ask(receipt: Receipt) -> None:
    if not sys.stdin.isatty():
        raise ConfigValueInvalid("nobody is there to ask; look with --dry-run, then give --yes")
    _show(receipt, False, "will be erased")
    if not typer.confirm(f'Erase all this of the {receipt.scope} "{receipt.name}" for good?'):
        raise typer.Exit(1)


def _show(receipt: Receipt, as_json: bool, said: str) -> None:
    if as_json:
        print(json.dumps(receipt.values(), ensure_ascii=False))
        return
    total = sum(item.bytes or 0 for item in receipt.items.values())
    print(f"{receipt.scope} {receipt.name}: {len(receipt.items)} objects, {total / 1e6:.1f} MB {said}")
    for (place, what), number in sorted(Counter((i.place, i.what) for i in receipt.items.values()).items()):
        print(f"  {number:>6}  {what}  ({place})")
    for base in receipt.retired_bases:
        print(f"  retired: base {base['name']} ({base['place']}): nothing new starts from it")
    for made in receipt.made_from_them:
        print(f"  made from {made['base']}: voice {made['name']} ({made['place']}); it stays, train it anew")
    for kept in receipt.kept[:MOST_SHOWN]:
        print(f"  kept: {kept.what} ({kept.why})")
    if len(receipt.kept) > MOST_SHOWN:
        print(f"  kept: {len(receipt.kept) - MOST_SHOWN} more; the receipt has them")


def show_progress(done: int, total: int) -> None:
    """One line that is written over, where a person looks."""
    if sys.stderr.isatty():
        print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def named_trackers(given: list[str] | None) -> list[str]:
    """Those of the option, or else the environment's."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    return given if given is not None else [named] if named else []


def _content(receipt: str) -> bytes:
    from clock_train.storage.opening import open_object

    if receipt.startswith("s3://"):
        storage, key = open_object(receipt)
        return storage.get(key)
    try:
        return Path(receipt).read_bytes()
    except OSError as error:
        raise ReceiptInvalid(f'"{receipt}" cannot be read ({error.strerror}); name the file of a receipt') from error
