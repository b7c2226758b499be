"""The cache of test programs: built once, by one builder at a time, named by what went into them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assets import build
from assets.catalogue import ASSETS, SETS, Program
from assets.go import AssetUnavailable

HELLO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n'


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLOCKTRAIN_TEST_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


@pytest.fixture
def wrappers(tmp_path: Path) -> Path:
    wrapper = tmp_path / "wrappers" / "hello"
    wrapper.mkdir(parents=True)
    (wrapper / "go.mod").write_text("module example.com/hello\n\ngo 1.26.0\n")
    (wrapper / "main.go").write_text(HELLO)
    return wrapper.parent


def test_a_program_is_built_once_and_anew_after_a_change(cache: Path, wrappers: Path) -> None:
    hello = Program(name="hello", wrapper="hello")
    said: list[str] = []
    first = build.cached(hello, said.append, wrappers)
    assert subprocess.run([first], capture_output=True, text=True, check=True).stdout == "hello\n"
    assert build.cached(hello, said.append, wrappers) == first
    assert sum(line.startswith("built hello in ") for line in said) == 1
    (wrappers / "hello" / "main.go").write_text(HELLO.replace("hello", "changed"))
    assert build.cached(hello, said.append, wrappers) != first
    assert sorted(path.suffix for path in (cache / "bin").iterdir()) == ["", "", ".lock"]


def test_two_builders_at_once_build_once(cache: Path, wrappers: Path) -> None:
    said: list[str] = []
    hello = Program(name="hello", wrapper="hello")
    builders = [threading.Thread(target=build.cached, args=(hello, said.append, wrappers)) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(120)
    assert sum(line.startswith("built hello") for line in said) == 1


def test_a_failed_download_says_what_to_check(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")  # the discard port: nothing listens
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "empty"))
    with pytest.raises(AssetUnavailable, match=r"etcd could not be built[\s\S]*connection refused[\s\S]*GOPROXY"):
        build.program("etcd", lambda message: None)
    assert [path.name for path in (cache / "bin").iterdir()] == ["etcd.lock"]


def test_an_unknown_set_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["controlplane"]) == 2
    assert "controlplane; there are storage, control-plane, node" in capsys.readouterr().err


def test_every_program_has_a_pinned_wrapper_and_a_name_of_its_own() -> None:
    assert len(ASSETS) == sum(len(assets) for assets in SETS.values())
    for asset in ASSETS.values():
        wrapper = build.WRAPPERS / asset.wrapper
        needs_others = "require" in (wrapper / "go.mod").read_text(encoding="utf-8")
        assert (wrapper / "go.sum").is_file() == needs_others, asset


def test_a_program_that_fails_to_compile_is_not_kept(cache: Path, wrappers: Path) -> None:
    (wrappers / "hello" / "main.go").write_text("package main\n")
    with pytest.raises(AssetUnavailable, match="hello could not be built"):
        build.cached(Program(name="hello", wrapper="hello"), lambda message: None, wrappers)
    assert [path.name for path in (cache / "bin").iterdir()] == ["hello.lock"]


def test_the_command_prints_paths_only(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "assets.build", "storage"],
        cwd=build.WRAPPERS.parent,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert Path(run.stdout.strip()).is_file()
