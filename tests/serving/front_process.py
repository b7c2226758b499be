"""``clocktrain serve`` in a process of its own, as a person starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_S, END_S = 60.0, 30.0


@dataclass
class Front:
    """A server that takes requests."""

    process: subprocess.Popen[str]
    http: str
    grpc: str
    triton: str
    log_path: Path
    """Of standard error."""


def command(voices: Path, *more: str) -> list[str]:
    ports = [] if "--http-port" in more else ["--http-port", "0", "--grpc-port", "0"]
    clocktrain = Path(sys.executable).with_name("clocktrain")
    return [str(clocktrain), "serve", "--voices", str(voices), "--json", *ports, *more]


def environment(issuing: Path) -> dict[str, str]:
    return {**os.environ, "CLOCKTRAIN_ISSUING": str(issuing), "OMP_NUM_THREADS": "1"}


@contextmanager
def started(
    arguments: Sequence[str], environment: Mapping[str, str], log_path: Path
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A program that prints a line of JSON once it is ready, and what it printed."""
    with log_path.open("w") as log:
        process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    late = threading.Timer(READY_S, process.kill)
    late.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        late.cancel()
        assert line, f"ended with {process.wait(END_S)}: {log_path.read_text()}"
        yield process, json.loads(line)
    finally:
        late.cancel()
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@contextmanager
def front(voices: Path, issuing: Path, *more: str, within: Sequence[str] = (), **variables: str) -> Iterator[Front]:
    """A server; ``within`` is a program that runs the command that follows it."""
    log_path = issuing.parent / "front.log"
    arguments = [*within, *command(voices, *more)]
    with started(arguments, environment(issuing) | variables, log_path) as (process, doors):
        yield Front(process, doors["http"], doors["grpc"], doors["triton"], log_path)
