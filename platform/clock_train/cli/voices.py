"""``clocktrain voices``: which version of a voice is served; servers that follow the table do so within a second.

The table is a file; with a namespace or a context it is a cluster's, which ``spec.serving`` of its clones decides.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.cli import voices_cluster
from clock_train.cli.cluster_options import ContextOption
from clock_train.errors import ConfigValueInvalid

if TYPE_CHECKING:
    from clock_train.serving.serving_table import ServingTable, Share

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

TableFile = Annotated[
    Path,
    typer.Option(
        "--serving", envvar="CLOCKTRAIN_SERVING", help="The serving table; beside the bundles, serve follows it itself."
    ),
]
DEFAULT_TABLE = Path("voices/serving.json")
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Of a cluster: its clones and table instead of the file.")
]
Name = Annotated[str, typer.Argument(metavar="VOICE", help="Name of the voice.")]
Which = Annotated[
    str, typer.Argument(metavar="VERSION", help="Version that the table knows, or the folder or s3:// of a bundle.")
]
Base = Annotated[Path | None, typer.Option(help="Voice folder of its base; by default the base that comes along.")]
MUCH = 0.2
"""Share of a base's size from which a difference saves little."""
AsJson = Annotated[bool, typer.Option("--json", help="Print the aliases as JSON.")]


@app.callback()
def voices() -> None:
    """Say which version of a voice is served."""


@app.command("list")
def list_voices(
    *,
    serving: TableFile = DEFAULT_TABLE,
    namespace: Namespace = None,
    context: ContextOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what each alias means."""
    from clock_train.serving.serving_table import read_table

    is_cluster = voices_cluster.is_meant(namespace, context)
    _show(voices_cluster.served(namespace, context) if is_cluster else read_table(serving), as_json)


@app.command()
def promote(
    voice: Name,
    version: Which,
    *,
    gate: Annotated[
        Path | None, typer.Option(help="VoiceClone manifest; its gate must hold for the bundle's own figures.")
    ] = None,
    serving: TableFile = DEFAULT_TABLE,
    namespace: Namespace = None,
    context: ContextOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion; the one before becomes previous."""
    if voices_cluster.is_meant(namespace, context):
        if gate is not None:
            raise ConfigValueInvalid("in a cluster the operator holds the clone to its own gate; leave --gate out")
        voices_cluster.change(
            voice, namespace, context, lambda clone: voices_cluster.promotion(clone, version), as_json=as_json
        )
        return

    def change(table: ServingTable) -> ServingTable:
        share = _share(table, voice, version, serving)
        if gate is not None:
            _hold_to_gate(gate, share, serving)
        return table.promoted(voice, share)

    _changed(serving, change, as_json)


@app.command()
def canary(
    voice: Name,
    version: Which,
    percent: Annotated[int, typer.Argument(min=0, max=100, help="Of the requests; 0 ends it, 100 promotes.")],
    *,
    serving: TableFile = DEFAULT_TABLE,
    namespace: Namespace = None,
    context: ContextOption = None,
    as_json: AsJson = False,
) -> None:
    """Give a version some of the champion's requests."""
    if voices_cluster.is_meant(namespace, context):
        voices_cluster.change(
            voice, namespace, context, lambda clone: voices_cluster.canary(clone, version, percent), as_json=as_json
        )
        return
    _changed(serving, lambda table: table.with_canary(voice, _share(table, voice, version, serving), percent), as_json)


@app.command()
def rollback(
    voice: Name,
    *,
    serving: TableFile = DEFAULT_TABLE,
    namespace: Namespace = None,
    context: ContextOption = None,
    as_json: AsJson = False,
) -> None:
    """End a canary, or go back to the champion before."""
    if voices_cluster.is_meant(namespace, context):
        voices_cluster.change(voice, namespace, context, voices_cluster.rollback, as_json=as_json)
        return
    _changed(serving, lambda table: table.rolled_back(voice), as_json)


@app.command()
def slim(
    voice: Annotated[Path, typer.Argument(metavar="FOLDER", help='Voice folder of "clocktrain finetune".')],
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for what differs from the base.")],
    base: Base = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print sizes as JSON.")] = False,
) -> None:
    """Keep a trained voice as what differs from its base."""
    from clock_train.issuing.access import Access
    from clock_train.models.voice_delta import slim as slim_voice
    from clock_train.orchestration.reading_log import record_voice
    from clock_train.orchestration.shipped_base import shipped_base

    record_voice(voice, Access.EXPORT)
    made = slim_voice(voice, base or shipped_base(), out)
    if as_json:
        facts = {"path": str(made.path), "bytes": made.size_bytes, "changed": made.changed, "of": made.of}
        print(json.dumps({**facts, "shareOfBase": round(made.share, 4)}, indent=1))
        return
    print(
        f"{made.path}: {made.size_bytes / 2**20:.2f} MiB, {made.share:.1%} of its base; {made.changed:,} of "
        f"{made.of:,} numbers differ"
    )
    if made.share > MUCH:
        print("A voice that is fine-tuned with --trained conditions differs in a tenth of them.")


@app.command()
def restore(
    difference: Annotated[Path, typer.Argument(metavar="FOLDER", help='Folder of "clocktrain voices slim".')],
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for the voice.")],
    base: Base = None,
) -> None:
    """Make a whole voice of what differs from its base."""
    from clock_train.issuing.access import Access
    from clock_train.models.voice_delta import restore as restore_voice
    from clock_train.orchestration.reading_log import record_voice
    from clock_train.orchestration.shipped_base import shipped_base

    record_voice(difference, Access.EXPORT)
    card = restore_voice(difference, base or shipped_base(), out)
    print(f'{out}: the voice "{card.name}"')


def _changed(path: Path, change: Callable[[ServingTable], ServingTable], as_json: bool) -> None:
    from clock_train.serving.serving_table import locked_table, write_table

    with locked_table(path) as table:
        changed = change(table)
        write_table(path, changed)
    _show(changed, as_json)


def _share(table: ServingTable, voice: str, asked: str, path: Path) -> Share:
    """A version that the table knows, or that lies in a bundle."""
    from clock_train.api.bundle_places import share_at
    from clock_train.serving.serving_table import version_of

    if asked.isdigit() and not Path(asked).exists():
        return version_of(table, voice, int(asked))
    place = asked if "://" in asked else os.path.relpath(asked, path.parent)
    return share_at(place, path, voice)


def _hold_to_gate(manifest: Path, share: Share, path: Path) -> None:
    from clock_train.api.bundle_places import card_at
    from clock_train.crd.reading import read_manifest
    from clock_train.errors import GateMissed
    from clock_train.orchestration.gate import judge

    verdicts = judge(read_manifest(manifest).spec.gate, card_at(share, path).metrics)
    missed = [str(verdict) for verdict in verdicts if verdict.reason != "Passed"]
    if missed:
        raise GateMissed(f"version {share.version} is not promoted: {'; '.join(missed)}")


def _show(table: ServingTable, as_json: bool) -> None:
    from clock_train.serving.serving_table import described

    if as_json:
        print(json.dumps(described(table), ensure_ascii=False))
        return
    if not table.voices:
        print("no voice has an alias yet: clocktrain voices promote VOICE BUNDLE")
    for voice, aliases in sorted(table.voices.items()):
        for alias, shares in sorted(aliases.items()):
            meant = ", ".join(f"version {share.version} ({share.percent} %)" for share in shares)
            print(f"{voice}@{alias}: {meant}")
