"""``clocktrain keys``: the keys that mark and sign, made once for programs that share them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def keys(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for them; none may be there yet.")],
    *,
    tenant: Annotated[str, typer.Option(help="Whose sounds they mark.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make keys that several programs sign and mark with."""
    from clock_train.issuing.shared_keys import write_shared_keys

    made = write_shared_keys(folder, tenant, datetime.now(UTC).date())
    if as_json:
        print(json.dumps({"folder": str(folder), "signer": made.signer, "keyId": made.key_id}))
        return
    print(f"{folder}: keep a copy in a safe. Whoever holds it can sign as you, and find and forge your marks.")
    print(f"signer:  {made.signer} (a line of trusted-keys, where others are to open your bundles)")
    print(f"mark:    {made.key_id}")
