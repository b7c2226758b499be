"""The shape of the code base: layers, names, docstrings, and what an import may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "platform" / "clock_train"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = (
    "numpy", "scipy", "torch", "soundfile", "soxr", "av", "pypinyin", "rjieba", "resemblyzer", "pocketsphinx",
    "matplotlib", "pydantic", "rich", "typer",
)  # fmt: skip


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_imports_go_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        pytest.skip("import-linter is not installed beside this Python")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import clock_train") & set(HEAVY) == set()


def test_importing_the_errors_loads_nothing_heavy() -> None:
    assert loaded_after("import clock_train.errors") & set(HEAVY) == set()


@pytest.mark.parametrize("part", ["audio", "text", "consent"])
def test_sound_text_and_consent_load_no_torch(part: str) -> None:
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in MODULES
        if path.relative_to(PACKAGE).parts[0] == part and path.name != "__init__.py"
    ]
    assert "torch" not in loaded_after("; ".join(f"import {name}" for name in modules) or "pass")


def test_platform_stays_a_source_root() -> None:
    # a package of that name would hide Python's own `platform`
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "tests" / "__init__.py").exists()


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty_names = {"util", "utils", "helper", "helpers", "common", "misc", "base", "tools", "stuff"}
    assert [str(path) for path in MODULES if {path.stem, path.parent.name} & empty_names] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_test_files_have_names_of_their_own() -> None:
    # without packages under tests/, two files of one name would hide each other
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_nothing_is_unpickled() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert "import pickle" not in text, path
        assert "allow_pickle=True" not in text, path
        assert "weights_only=False" not in text, path


def test_every_load_of_torch_state_is_of_weights_only() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords), path


def test_the_training_loop_needs_nothing_but_torch_numpy_scipy_and_safetensors() -> None:
    # a borrowed GPU host has no decoders, dictionaries or command-line libraries
    absent = ["av", "pydantic", "pypinyin", "resemblyzer", "rich", "rjieba", "soundfile", "soxr", "typer"]
    code = f"import sys; sys.modules.update(dict.fromkeys({absent!r})); import clock_train.training.loop"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
