"""``clocktrain triton`` and ``clocktrain gateway`` as their users start them, each with a folder of its own."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from served_voices import bundles_of, gather  # pyright: ignore[reportMissingImports]

from clock_train.issuing.shared_keys import write_shared_keys

CLOCKTRAIN = str(Path(sys.executable).with_name("clocktrain"))


def voices_and_keys(folder: Path) -> None:
    """``voices`` with anna and duo, and ``keys`` that trust who signed them."""
    bundles, key = bundles_of(folder, "anna")
    write_shared_keys(folder / "keys", "studio", datetime.now(UTC).date())
    with (folder / "keys" / "trusted-keys").open("a") as trusted:
        trusted.write(f"{key}\n")
    gather(folder / "voices", bundles)


def environment(folder: Path, name: str) -> dict[str, str]:
    """With the shared keys, and a folder of this program's own for its log."""
    keys = {"CLOCKTRAIN_ISSUING": str(folder / name), "CLOCKTRAIN_KEYS": str(folder / "keys")}
    return {**os.environ, **keys, "OMP_NUM_THREADS": "1"}


def triton_command(voices: Path, port: int) -> list[str]:
    return [CLOCKTRAIN, "triton", "--voices", str(voices), "--port", str(port), "--json"]


def gateway_command(voices: Path, address: str) -> list[str]:
    ports = ["--http-port", "0", "--grpc-port", "0"]
    return [CLOCKTRAIN, "gateway", "--voices", str(voices), "--triton", address, *ports, "--json"]
