"""``clocktrain``: the list of verbs, and how every one of them ends.

Peculiar here: the help page knows the verbs by name and summary only; a verb's module is imported when it is called.
Help is plain text: typer's rich help costs 0.4 s of CPU, this one 0.15 s in all.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from clock_train import __version__
from clock_train.cli.parts import part_missing
from clock_train.errors import BUG, ClockTrainError

INTERRUPTED, TERMINATED = 130, 143
"""Exit codes: 128 + SIGINT and 128 + SIGTERM."""
DEBUG_VARIABLE = "CLOCKTRAIN_DEBUG"

VERBS = {
    "demo": "Turn recordings into a voice that speaks, on this machine.",
    "doctor": "Say what this machine can do and what is missing.",
    "corpus": "Record, fetch, build and check recordings.",
    "consent": "Record, verify and take back speakers' consents.",
    "compliance": "Check consents, voices, personal data and marks.",
    "erase": "Erase a voice, a speaker or recordings, with a signed receipt.",
    "privacy": "Hand out what is held about a person; expire recordings.",
    "plan": "Say what a VoiceClone would do, how long and at what cost.",
    "pretrain": "Train a base model on the recordings of many speakers.",
    "finetune": "Teach a base one speaker's voice.",
    "distill": "Teach a small voice what a trained one knows.",
    "synthesize": "Speak a text with a trained voice.",
    "convert": "Let a recording be heard in a trained voice.",
    "bundle": "Export, look into and verify signed voices.",
    "serve": "Serve voices by HTTP and gRPC, with Triton behind.",
    "gateway": "Serve voices by HTTP and gRPC, with Triton elsewhere.",
    "triton": "Hold voices in Triton, for gateways to ask.",
    "voices": "Say which version of a voice is served.",
    "watermark": "Mark sounds, find marks, and keep their keys.",
    "keys": "Make keys that several programs sign and mark with.",
    "apikeys": "Make, list, rotate and revoke API keys of a gateway.",
    "usage": "Say what was spoken, by day, API key and voice.",
    "audit": "Verify, ship and search the log of who used which voice.",
    "evaluate": "Judge a voice on sentences that took no part in training.",
    "compare": "Set two trainings side by side in one page.",
    "listen": "Let people judge voices blindly, and say what they found.",
    "run": "Run a VoiceClone's stages on this machine.",
    "apply": "Apply the resources of a file to a cluster.",
    "status": "Say where a clone of a cluster is and what to do next.",
    "events": "List what happened to a clone, oldest first.",
    "suspend": "Let a clone save and stop, until it is resumed.",
    "resume": "Let a suspended clone go on from its newest checkpoint.",
    "retry": "Let a failed clone try once more.",
    "pause": "Let the operator leave a clone alone; what runs goes on.",
    "unpause": "Let the operator look after a paused clone again.",
    "report": "Write one zip about a clone for support, without secrets.",
    "runs": "List trainings with their figures.",
    "logs": "Show what a run and its workers said, after they are gone too.",
    "ui": "Open MLflow on the runs of a folder.",
    "bench": "Measure speed and memory on this machine, as a table.",
}
"""Verb → summary; each verb is the ``app`` of the module of its name, and a test holds the summaries equal."""


class LazyGroup(TyperGroup):
    """Knows every verb by a placeholder, and loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {verb: TyperCommand(verb, help=summary) for verb, summary in VERBS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The named verb's real command in place of its placeholder."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_verb(str(name)), rest


def load_verb(verb: str) -> Any:
    """Import a verb and make it a command."""
    module = importlib.import_module(f"clock_train.cli.{verb}")
    return typer.main.get_command(module.app)


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, add_completion=False, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clocktrain {__version__}")
        raise typer.Exit


@app.callback()
def clocktrain(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
    ),
    debug: bool = typer.Option(False, "--debug", help=f"Show tracebacks; {DEBUG_VARIABLE}=1 does the same."),
) -> None:
    """ClockTrain (钟训练): recordings and a consent in, a measured voice out."""
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"


def main() -> NoReturn:
    """The console script."""
    signal.signal(signal.SIGTERM, _leave)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; says on stderr why it did not end well."""
    # OpenMP reads it when torch loads, so before any verb is. On a machine that others use too, threads that spin while
    # they wait made a training step of 0.27 s take 14 s (batch 16, two threads on two cores), and a corpus build three
    # times the CPU.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        typer.main.get_command(app).main(list(arguments), prog_name="clocktrain")
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        if code in (INTERRUPTED, TERMINATED):
            _say("Interrupted. Run the same command again to go on.")
        return code
    except ClockTrainError as error:
        _say(str(error), error)
        return error.exit_code
    except ModuleNotFoundError as error:
        missing = part_missing(error.name)
        if missing is None:
            return _bug(error)
        _say(str(missing), error)
        return missing.exit_code
    except Exception as error:
        return _bug(error)
    return 0


def _bug(error: Exception) -> int:
    _say(
        f"Internal error ({type(error).__name__}: {error}). This is a bug in ClockTrain, not a mistake of yours. "
        'See the traceback with "clocktrain --debug ...", and report it with the output of "clocktrain doctor".',
        error,
    )
    return BUG


def _say(message: str, error: Exception | None = None) -> None:
    if error is not None and os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    print(message, file=sys.stderr)


def _leave(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)
