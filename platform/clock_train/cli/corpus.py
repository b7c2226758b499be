"""``clocktrain corpus``: record, fetch, build and check recordings."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from clock_train.cli import corpus_versions

RECORD_SUMMARY = "Record the prompts line by line, with a level and noise meter."


class _Group(TyperGroup):
    """Knows ``record`` by name; its module is imported when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {"record": TyperCommand("record", help=RECORD_SUMMARY), **self.commands}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name == "record":
            recording = typer.Typer(add_completion=False, rich_markup_mode=None)
            recording.command("record", help=RECORD_SUMMARY)(importlib.import_module("clock_train.cli.record").record)
            command = typer.main.get_command(recording)
        return name, command, rest


app = typer.Typer(
    cls=_Group,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Record, fetch, build and check recordings.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON on stdout.")]
AllowShort = Annotated[bool, typer.Option("--allow-short", help="End with exit code 0 even below ten minutes.")]


@app.command()
def sample(
    *,
    language: Annotated[str, typer.Option("--language", help="en, es, fr, it or ru.")] = "en",
    out: Annotated[Path, typer.Option("--out", help="New folder for the recordings.")],
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds for everything together.")] = 300.0,
) -> None:
    """Fetch one of five sample voices (Debian packages, CC-BY and CC-BY-SA)."""
    from clock_train.data.sample import copy_sample

    folder = copy_sample(language, out, timeout_s=timeout_s, report=_say)
    _say(f'licence and credits are in "{folder}/ATTRIBUTION"; keep them with everything made from these recordings')
    print(folder)


@app.command()
def build(
    recordings: Annotated[Path, typer.Argument(help="Folder of recordings, or one long take.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="Corpus folder; an older corpus is replaced when all is well.")],
    speaker: Annotated[str | None, typer.Option("--speaker", help="Name of the voice (a pseudonym).")] = None,
    transcripts: Annotated[Path | None, typer.Option("--transcripts", help="Transcript file or folder.")] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="zh, en ...; found from the texts if absent.")
    ] = None,
    sample_rate_hz: Annotated[int, typer.Option("--sample-rate", help="Of the corpus, in Hz.")] = 16_000,
    allow_short: AllowShort = False,
    as_json: AsJson = False,
) -> None:
    """Turn recordings and transcripts into a corpus: segments, manifest, checks, report."""
    from clock_train.data.build import build_corpus
    from clock_train.data.check import require_basic
    from clock_train.data.manifest import REPORT_NAME
    from clock_train.orchestration.consents import carry_consent

    with _Progress() as progress:
        corpus = build_corpus(
            recordings,
            out,
            speaker=speaker,
            transcripts=transcripts,
            language=language,
            sample_rate_hz=sample_rate_hz,
            report=progress,
        )
    carry_consent(recordings, out)
    _show(corpus.quality, as_json)
    _say(f'corpus: "{out}"; report: "{out / REPORT_NAME}"')
    if not allow_short and len(corpus.speakers()) <= 1:
        require_basic(corpus)


@app.command()
def check(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")],
    *,
    allow_short: AllowShort = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a corpus folder is whole, and what to record more of."""
    from clock_train.data.build import built_from
    from clock_train.data.check import check_corpus, require_basic

    result = check_corpus(corpus)
    figures = {**result.corpus.quality, **result.figures, "consent": result.consent}
    _show(figures, as_json)
    built_from(result.corpus)  # without it no consent fits, and no training takes the corpus
    if not allow_short and len(result.corpus.speakers()) <= 1:
        require_basic(result.corpus)


app.command("push")(corpus_versions.push)
app.command("pull")(corpus_versions.pull)
app.command("log")(corpus_versions.log)
app.command("diff")(corpus_versions.diff)


def _show(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures, ensure_ascii=False, indent=2))
        return
    print(
        f"tier: {figures['tier']}; {figures['clips_accepted']} clips accepted "
        f"({figures['seconds_accepted'] / 60:.1f} min), {figures['clips_rejected']} left out"
    )
    for code, reason in figures["reasons"].items():
        print(f"  {reason['clips']:5d}  {code}: {reason['what']}")
    for warning in figures.get("warnings", []):
        print(f"warning  {warning['code']}: {warning['message']}")
    for name, speaker in list(figures["speakers"].items())[:20]:
        print(f"{name}: {speaker['seconds_accepted'] / 60:.1f} min, {speaker['tier']}")
        for sentence in speaker["advice"]:
            print(f"  - {sentence}")


def _say(message: str) -> None:
    print(message, file=sys.stderr)


class _Progress:
    """A bar with the time left, on stderr; nothing where stderr is no terminal."""

    def __enter__(self) -> _Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("corpus"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[what]}"), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("corpus", total=None, what="")
        self._bar.start()
        return self

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show how far the build is."""
        self._bar.update(self._task, completed=done, total=total, what=what[-40:])

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
