"""Defaults of a config dataclass, read from its source: for commands that must not wait seconds for torch."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def literal_defaults(module: str, name: str) -> dict[str, Any]:
    """Field → default of the fields whose default is written as a literal; nothing of the module is run."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    defaults = {}
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            try:
                defaults[node.target.id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return defaults
