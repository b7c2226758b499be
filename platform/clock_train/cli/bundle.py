"""``clocktrain bundle``: what a bundle holds, whether it may be trusted, and making one by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Export, look into and verify signed voices.",
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the bundle.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", help="Public key that must have signed it; by default those trusted here. Repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def export(
    voice: Annotated[Path, typer.Argument(metavar="VOICE", help="Folder of a trained voice, such as demo/voice.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder of the bundle; an older bundle there is replaced.")],
    as_json: AsJson = False,
) -> None:
    """Write a trained voice as ONNX graphs in a bundle that this installation signs."""
    from clock_train.orchestration.bundle_export import export_bundle, packed_beside

    outcome = export_bundle(voice, out, packed=packed_beside(voice.parent))
    if as_json:
        print(json.dumps({"bundle": str(out), "digest": outcome.digest, "signer": outcome.signer}))
        return
    print(f"{out}: digest {outcome.digest}, signed by {outcome.signer}")


@app.command()
def inspect(folder: Folder, *, as_json: AsJson = False) -> None:
    """Say what a bundle holds and who signed it, trusted or not; nothing of it is loaded."""
    from clock_train.bundle.inspecting import inspect_bundle
    from clock_train.issuing.installation import Installation

    found = inspect_bundle(folder, trusted_keys=Installation().trusted_keys())
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name + ':':<18}{_as_text(value)}")


@app.command()
def card(folder: Folder) -> None:
    """Print a bundle's model card: data, consents, figures, intended use, and what it is not for."""
    from clock_train.export.model_card import card_of
    from clock_train.issuing.installation import Installation

    found = card_of(folder, trusted_keys=Installation().trusted_keys())
    if found.doubt:
        print(f"Warning: {found.doubt}", file=sys.stderr)
    print(found.text, end="")


@app.command()
def verify(folder: Folder, *, key: Keys = None, as_json: AsJson = False) -> None:
    """Check signature, schema, phone inventory and every file, as a server does before it loads one."""
    from clock_train.bundle.opening import verify_bundle
    from clock_train.issuing.installation import Installation

    bundle = verify_bundle(folder, trusted_keys=key or Installation().trusted_keys())
    if as_json:
        facts = {"bundle": str(folder), "name": bundle.card.name, "digest": bundle.digest, "signer": bundle.signer}
        print(json.dumps({**facts, "files": len(bundle.values["files"])}, ensure_ascii=False))
        return
    print(f"{folder}: {bundle.card.name} is whole: {len(bundle.values['files'])} files fit, signed by {bundle.signer}")


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_as_text(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
