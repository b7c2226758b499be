"""How the command line finds its verbs and how each of them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest
import typer

from clock_train.cli import main as command_line
from clock_train.cli.main import VERBS, load_verb, run
from clock_train.errors import ClockTrainError, CorpusNotFound, TrainingOutOfMemory


def call_verb_that_raises(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    verb = typer.Typer(rich_markup_mode=None)

    @verb.command()
    def doctor() -> None:
        raise error

    monkeypatch.setitem(sys.modules, "clock_train.cli.doctor", types.SimpleNamespace(app=verb))
    return run(["doctor"])


def test_help_names_every_verb_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    page = capsys.readouterr().out
    for verb, summary in VERBS.items():
        assert verb in page
        assert summary in page


def test_help_loads_no_verb_and_nothing_heavy() -> None:
    code = (
        "import sys; from clock_train.cli.main import run; run(['--help']);"
        "heavy = {'numpy', 'torch', 'scipy', 'rich', 'pydantic', 'soundfile', 'av'} & set(sys.modules);"
        "ours = {m for m in sys.modules if m.startswith('clock_train.cli.')};"
        "print('LOADED', sorted(heavy), sorted(ours - {'clock_train.cli.main', 'clock_train.cli.parts'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "LOADED [] []" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself_with_the_summary_of_the_list(verb: str) -> None:
    assert (load_verb(verb).help or "").splitlines()[0] == VERBS[verb]


def test_version_is_printed_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "clocktrain 0.1.0\n"


def test_a_misspelt_verb_suggests_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docto"]) == 2
    assert "Did you mean 'doctor'?" in capsys.readouterr().err


@pytest.mark.parametrize("error", [CorpusNotFound("no folder"), TrainingOutOfMemory("too large")])
def test_an_error_of_ours_ends_with_its_code_and_message(
    error: ClockTrainError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_verb_that_raises(error, monkeypatch) == error.exit_code
    captured = capsys.readouterr()
    assert captured.err == f"{error}\n"
    assert captured.out == ""


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CLOCKTRAIN_DEBUG", "1")
    call_verb_that_raises(CorpusNotFound("no folder"), monkeypatch)
    assert "Traceback" in capsys.readouterr().err


def test_debug_zero_is_off(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CLOCKTRAIN_DEBUG", "0")
    call_verb_that_raises(CorpusNotFound("no folder"), monkeypatch)
    assert "Traceback" not in capsys.readouterr().err


def test_a_bug_ends_with_70_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_verb_that_raises(ZeroDivisionError("division by zero"), monkeypatch) == 70
    message = capsys.readouterr().err
    assert "Internal error (ZeroDivisionError: division by zero)" in message
    assert "clocktrain --debug" in message


def test_a_missing_library_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ModuleNotFoundError("No module named 'torch'", name="torch")
    assert call_verb_that_raises(error, monkeypatch) == 2
    message = capsys.readouterr().err
    assert message.startswith('PartNotInstalled: the module "torch" of the part "train" is not installed. Install it: ')
    assert "make" in message or "pip install" in message


def test_a_missing_module_of_our_own_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ModuleNotFoundError("No module named 'clock_train.lost'", name="clock_train.lost")
    assert call_verb_that_raises(error, monkeypatch) == 70


def test_control_c_ends_with_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_verb_that_raises(KeyboardInterrupt(), monkeypatch) == 130
    assert "Run the same command again to go on." in capsys.readouterr().err


def test_threads_wait_without_spinning_unless_the_person_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    run(["--version"])
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    run(["--version"])
    assert os.environ["OMP_WAIT_POLICY"] == "active"


def test_a_termination_signal_ends_with_143() -> None:
    # a real process and a real signal: only then does the handler of the console script take part
    code = (
        "import os, signal, sys, types, typer\n"
        "verb = typer.Typer()\n"
        "@verb.command()\n"
        "def doctor() -> None:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
        "sys.modules['clock_train.cli.doctor'] = types.SimpleNamespace(app=verb)\n"
        "sys.argv = ['clocktrain', 'doctor']\n"
        "from clock_train.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 128 + signal.SIGTERM
    assert "Run the same command again to go on." in done.stderr


def test_the_console_script_is_the_one_that_the_project_names() -> None:
    project = Path(command_line.__file__).parents[3] / "pyproject.toml"
    assert 'clocktrain = "clock_train.cli.main:main"' in project.read_text(encoding="utf-8")
