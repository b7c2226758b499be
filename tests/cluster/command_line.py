"""``clocktrain`` in this process, as a person of a kubeconfig."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from clock_train.cli.main import run


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Runs commands with a kubeconfig and nothing else of this machine's."""

    def __init__(self, kubeconfig: Path, **environment: str) -> None:
        self.kubeconfig, self.environment = kubeconfig, environment

    def __call__(self, *words: str, check: bool = True) -> Said:
        with self._environment(), _captured() as (out, err):
            code = run(list(words))
        said = Said(code, out.getvalue(), err.getvalue())
        assert not check or code == 0, said
        return said

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        changed = {**os.environ, "KUBECONFIG": str(self.kubeconfig), **self.environment}
        with patch.dict(os.environ, changed, clear=True):
            yield


@contextlib.contextmanager
def _captured() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
    collected = io.StringIO()
    with patch.object(sys, "stdout", out), patch.object(sys, "stderr", err):
        try:
            yield collected, err
        finally:
            buffer = out.buffer
            assert isinstance(buffer, io.BytesIO)
            collected.write(buffer.getvalue().decode())
