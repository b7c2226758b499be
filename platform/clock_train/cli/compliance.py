"""``clocktrain compliance``: who speaks without a consent, what is personal, what lacks its mark."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.compliance.personal_data.sound_masking import SoundMask
from clock_train.errors import CorpusTooShort

if TYPE_CHECKING:
    from clock_train.compliance.findings import ComplianceReport

BLOCKED = 2
"""Exit code where a finding blocks."""

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Check consents, voices, personal data and marks.",
)

CorpusFolder = Annotated[Path, typer.Argument(metavar="CORPUS", help="The corpus folder.")]
Registry = Annotated[
    Path | None, typer.Option(help="Folder of registered voices' prints; by default this installation's.")
]


@app.command()
def check(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="A corpus, a voice or bundle, or published sounds.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Also write the report as an HTML page.")] = None,
    registry: Registry = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what must be settled before a corpus is trained on, a voice served, or sounds published.

    Ends with 2 where a finding blocks. The report of a voice is kept, and serve and promote refuse it while it blocks.
    """
    from clock_train.compliance.checking import check as look
    from clock_train.compliance.report_page import write_page
    from clock_train.compliance.report_store import keep_report
    from clock_train.issuing.installation import Installation

    installation = Installation()
    report = look(target, installation, registry=registry, report=_progress)
    if report.kind == "voice":
        keep_report(report, installation)
    if out is not None:
        write_page(report, out)
        print(f'the page is "{out}"', file=sys.stderr)
    if as_json:
        print(report.json(), end="")
    else:
        _show(report)
    if report.blocking:
        raise typer.Exit(BLOCKED)


@app.command()
def mask(
    corpus: CorpusFolder,
    *,
    out: Annotated[Path, typer.Option(help="New corpus folder; the old one stays as it is.")],
    sound: Annotated[
        SoundMask | None, typer.Option(help="Keep the sound of masked clips, covered where the words are spoken.")
    ] = None,
) -> None:
    """Write a corpus anew without the personal data in its transcripts."""
    from clock_train.compliance.masked_corpus import mask_corpus
    from clock_train.data.manifest import read_corpus

    made = mask_corpus(
        read_corpus(corpus), out, sound=sound, report=lambda done, total: _progress("texts", done, total)
    )
    print(f'{out}: {len(made.clips)} clips were masked and are not trained on; "{corpus}" still holds what they said')
    if made.whole:
        print(f"{len(made.whole)} of them are covered from end to end: nobody can say when the words are spoken")


@app.command()
def accept(
    corpus: CorpusFolder,
    clips: Annotated[list[str], typer.Argument(metavar="CLIP", help="Ids of clips that may stay.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it stands in every later report.")],
) -> None:
    """Say of clips that what was found in them is nobody's, or may stay."""
    from clock_train.compliance.accepted import accept as keep
    from clock_train.data.manifest import read_corpus

    path = keep(read_corpus(corpus), clips, reason=reason, by=getpass.getuser(), now=datetime.now(UTC))
    print(f"{path}: {len(clips)} clips may stay")


@app.command()
def register(
    corpus: CorpusFolder,
    *,
    registry: Registry = None,
) -> None:
    """Keep the prints of a corpus' speakers, so that their voices are known under other names."""
    from clock_train.compliance.checking import registry_folder
    from clock_train.compliance.corpus_voices import FEWEST_FOR_PRINT, heard_clips
    from clock_train.compliance.sealing import print_keys
    from clock_train.compliance.voice_registry import print_of
    from clock_train.compliance.voice_registry import register as keep
    from clock_train.data.manifest import read_corpus
    from clock_train.issuing.installation import Installation

    installation = Installation()
    folder, keys = registry or registry_folder(installation), print_keys(installation.folder)
    found = read_corpus(corpus)
    for speaker in found.speakers():
        clips, vectors = heard_clips(found, speaker, report=lambda done, total: _progress("voices", done, total))
        if len(clips) < FEWEST_FOR_PRINT:
            raise CorpusTooShort(
                f'"{speaker}" has {len(clips)} clips that can be heard, and a print needs {FEWEST_FOR_PRINT} of 1.5 s '
                "and more; record more sentences"
            )
        print(keep(folder, speaker, print_of(vectors), keys))


@app.command()
def rekey(*, registry: Registry = None) -> None:
    """Encrypt every registered print with a fresh key, and forget the older ones."""
    from clock_train.compliance.checking import registry_folder
    from clock_train.compliance.voice_registry import reseal
    from clock_train.issuing.installation import Installation

    installation = Installation()
    number = reseal(registry or registry_folder(installation), installation.folder)
    print(f"{number} prints are encrypted with a fresh key")


def _show(report: ComplianceReport) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("severity", no_wrap=True)
    table.add_column("code", no_wrap=True)
    table.add_column("what, and the next step", overflow="fold")
    for one in report.findings:
        lines = [one.what, *(f"  {line}" for line in one.evidence[:5])]
        if len(one.evidence) > 5:
            lines.append(f"  and {len(one.evidence) - 5} more lines: --out report.html")
        table.add_row(
            one.severity.value, one.code, "\n".join([*lines, *([f"→ {one.next_step}"] if one.next_step else [])])
        )
    console = Console(markup=False, highlight=False, soft_wrap=False)
    if report.findings:
        console.print(table)
    verdict = f"{len(report.blocking)} findings block" if report.blocking else "nothing blocks"
    print(f"{report.kind} {report.target}: {verdict}; {len(report.findings)} findings")


def _progress(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{what}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
