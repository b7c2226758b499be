"""``clocktrain ui``: MLflow's own page for the runs of a folder."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from clock_train.errors import RunNotFound

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def ui(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Output folder of a training.")] = Path("demo"),
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on this machine.")] = 5000,
) -> None:
    """Open MLflow on the runs of a folder.

    Curves, parameters and sounds. It listens on this machine only and ends with Ctrl-C.
    """
    database = folder.absolute() / "mlflow.db"
    if not database.exists():
        raise RunNotFound(f'no "{database.name}" in "{folder}"; name the output folder of a training')
    if importlib.util.find_spec("mlflow") is None:
        raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")
    print(f"Open http://127.0.0.1:{port} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", f"sqlite:///{database}"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    os.execv(sys.executable, command)
