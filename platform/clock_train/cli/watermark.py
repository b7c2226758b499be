"""``clocktrain watermark``: keys, marking a file, and finding marks in files."""

from __future__ import annotations

import getpass
import json
import secrets
import sys
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.cli.accounts_options import ACCOUNTS_VARIABLE
from clock_train.cli.figure_table import print_figures
from clock_train.cli.measurements.watermark_parts import Part
from clock_train.errors import ClockTrainError, ConfigValueInvalid
from clock_train.orchestration.progress import ProgressStyle, listening

if TYPE_CHECKING:
    from clock_train.watermark.detect import Detection

FILES_FAILED = 2
"""Exit code where a file of several could not be read; the others were."""

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Mark sounds, find marks, and keep their keys.",
)

KeyFile = Annotated[Path, typer.Option(help="Key file of the tenant.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The key file to write, mode 0600.")],
    *,
    tenant: Annotated[str, typer.Option(help="Whose keys these are.")],
) -> None:
    """Make a key file with one fresh secret."""
    from clock_train.watermark.keys import new_keys, write_keys

    keys = new_keys(tenant, _today())
    write_keys(file, keys)
    print(f'{file}: keys of "{tenant}", number {keys.tenant_number}, key {keys.secrets[-1].id}. Keep a copy in a safe.')


@app.command()
def rotate(file: Annotated[Path, typer.Argument(metavar="FILE", help="The key file to add to.")]) -> None:
    """Add a fresh secret; sounds of the earlier ones are still found."""
    from clock_train.watermark.keys import read_keys, rotated, write_keys

    keys = rotated(read_keys(file), _today())
    write_keys(file, keys, replacing=True)
    print(f"{file}: key {keys.secrets[-1].id} marks from today on; {len(keys.secrets)} keys are searched for")


@app.command()
def off(
    *,
    reason: Annotated[str, typer.Option(help="Why; it stands in the log, and in the line of every unmarked sound.")],
    until: Annotated[
        datetime | None, typer.Option(help="When marking must be on again, in UTC; speaking is refused from then.")
    ] = None,
) -> None:
    """Speak unmarked from now on. Only who may read the keys can do this, and every sound is logged as unmarked."""
    from clock_train.issuing.installation import Installation
    from clock_train.issuing.switch import switch_off

    end = until.replace(tzinfo=UTC) if until else None
    setting = switch_off(Installation(), reason=reason, by=getpass.getuser(), until=end)
    print(f"sounds leave UNMARKED from now on ({setting.reason}). Mark again: clocktrain watermark on")


@app.command()
def on() -> None:
    """Mark again."""
    from clock_train.issuing.installation import Installation
    from clock_train.issuing.switch import switch_on

    switch_on(Installation(), by=getpass.getuser())
    print("every sound is marked")


@app.command("check-label")
def check_label(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A labelled sound file.")],
    *,
    public_key: Annotated[str | None, typer.Option(help="Whose the claim must be; by default whom it names.")] = None,
) -> None:
    """Read a file's labels and check that they are whole and belong to its sound."""
    from clock_train.labels.files import check_file

    labels = check_file(file, public_key=public_key)
    print(json.dumps({"claim": labels.claim, "AIGC": labels.aigc}, indent=1, ensure_ascii=False))


@app.command()
def embed(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A sound file of any kind.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The wav or flac file to write.")],
    *,
    key_file: KeyFile,
    payload: Annotated[str, typer.Option(help="48 bits as twelve hexadecimal digits.")],
    request_id: Annotated[
        str | None, typer.Option(help="Decides where in the pattern the mark begins; by default a random one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Mark a sound file."""
    if out.suffix.lower() not in (".wav", ".flac"):
        raise typer.BadParameter(f'"{out}" ends in neither .wav nor .flac', param_hint="OUT")
    from clock_train.audio.block_writing import write_blocks
    from clock_train.audio.reading import probe, read_blocks
    from clock_train.watermark.embed import Marker
    from clock_train.watermark.keys import read_keys
    from clock_train.watermark.payload import Payload

    wanted = Payload.from_hex(payload)
    key = read_keys(key_file).embedding_key(_today())
    info = probe(source)
    request_id = request_id or secrets.token_hex(8)
    marker = Marker(key, wanted, sample_rate_hz=info.sample_rate_hz, request_id=request_id)
    blocks = read_blocks(source, sample_rate_hz=info.sample_rate_hz, block_seconds=10.0)
    write_blocks(out, marker.marked_blocks(blocks), info.sample_rate_hz)
    report = marker.report()
    if info.channels > 1:
        print(f"{source} has {info.channels} channels; their mean was marked", file=sys.stderr)
    if not report.payload_fits:
        print(f"{out}: {report.warning}", file=sys.stderr)
    facts = {
        "out": str(out),
        "payload": wanted.hex,
        "keyId": key.key_id,
        "requestId": request_id,
        "seconds": round(report.seconds, 3),
        "soundingSeconds": round(report.sounding_seconds, 3),
        "presenceFits": report.fits,
        "payloadFits": report.payload_fits,
    }
    print(json.dumps(facts) if as_json else f"{out}: marked with {wanted.hex} under key {key.key_id}")


@app.command()
def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="Sound files of any kind and length.")],
    *,
    key_file: Annotated[
        list[Path] | None, typer.Option(help="Key file of a tenant, or several; by default this installation's.")
    ] = None,
    audit: Annotated[
        Path | None, typer.Option(help="Log to join with; by default this installation's, where its keys are used.")
    ] = None,
    accounts: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            envvar=ACCOUNTS_VARIABLE,
            show_envvar=False,
            help="PostgreSQL where gateways keep their log, joined as well; by default $CLOCKTRAIN_ACCOUNTS.",
        ),
    ] = None,
    narrow: Annotated[
        bool, typer.Option("--narrow", help="Only sounds played at their own speed; ten times as fast.")
    ] = False,
    max_false_alarm: Annotated[
        float, typer.Option(min=1e-15, max=0.1, help="A mark counts as found at a p-value up to this.")
    ] = 1e-6,
    as_json: AsJson = False,
) -> None:
    """Find marks in sound files: whether, where, whose, and what they say.

    The p-value pays for every key, offset and speed that was looked at.
    """
    from clock_train.cli.issued_lines import IssuedLines
    from clock_train.issuing.evidence import agreeing_lines
    from clock_train.issuing.installation import Installation
    from clock_train.watermark.detect import FULL_SEARCH, NARROW_SEARCH
    from clock_train.watermark.detection_json import as_plain
    from clock_train.watermark.files import detect_file
    from clock_train.watermark.keys import read_keys

    installation = Installation()
    tenants = [read_keys(path) for path in key_file or [installation.key_path]]
    is_joined = audit is not None or (not key_file and (accounts is not None or installation.log_folder.is_dir()))
    keys = [key for tenant in tenants for key in tenant.detection_keys(_today())]
    results: list[dict[str, Any]] = []
    is_any_lost = False
    with IssuedLines(audit, accounts) as log:
        for path in files:
            try:
                found = detect_file(
                    path,
                    keys,
                    speeds=NARROW_SEARCH if narrow else FULL_SEARCH,
                    max_false_alarm=max_false_alarm,
                    with_windows=not narrow,
                )
            except ClockTrainError as error:
                if len(files) == 1:
                    raise
                is_any_lost = True
                results.append({"file": str(path), "error": str(error)})
                print(error, file=sys.stderr)
                continue
            told = as_plain(found)
            issued = agreeing_lines(told["segments"], log.of) if is_joined and found.payload else None
            results.append({"file": str(path), **told, "issued": issued})
            if not as_json:
                _print(path, found)
                _print_issued(found, issued)
    if as_json:
        print(json.dumps(results[0] if len(files) == 1 else results, indent=1, ensure_ascii=False))
    if is_any_lost:
        raise typer.Exit(FILES_FAILED)


@app.command()
def page(
    *,
    key_file: Annotated[
        list[Path] | None, typer.Option(help="Key file of a tenant, or several; by default this installation's.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port on this machine; 0 takes a free one.")] = 8321,
) -> None:
    """Serve a page on this machine where a file is dropped to see where it is marked."""
    from clock_train.cli.detector_server import serve
    from clock_train.issuing.installation import Installation
    from clock_train.watermark.keys import read_keys
    from clock_train.watermark.open_detector import OpenDetector

    tenants = [read_keys(path) for path in key_file or [Installation().key_path]]
    try:
        server = serve(OpenDetector(tenants, today=_today), port)
    except OSError as error:
        raise ConfigValueInvalid(f"port {port} cannot be used ({error.strerror}); give another with --port") from error
    print(f"Open http://127.0.0.1:{server.server_address[1]} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    with server:
        server.serve_forever()


@app.command()
def bench(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few clips instead of hundreds: shows that it runs and finds.")
    ] = False,
    num_clips: Annotated[int, typer.Option("--clips", min=2, help="Clips that every attack is tried on.")] = 300,
    only: Annotated[Part | None, typer.Option(help="One part, which takes minutes instead of an hour.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    voice: Annotated[Path | None, typer.Option(help="Also measure in the speech of this trained voice.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture of the p-values (png or svg).")] = None,
    progress: Annotated[
        ProgressStyle, typer.Option(help="How progress is shown on standard error.")
    ] = ProgressStyle.AUTO,
    as_json: AsJson = False,
) -> None:
    """Measure what marks survive, how often a mark is seen where none is, and what forging one takes.

    On the sample recordings that are cached. A missed target is shown as missed and is no failure of the command.
    """
    from clock_train.cli.measurements.watermark_bench import FULL, QUICK, measure, measure_part

    effort = QUICK if quick else replace(FULL, num_clips=num_clips)
    with listening(progress) as listener:
        if only is not None:
            figures = measure_part(only, effort, listener=listener)
        else:
            figures = measure(effort, workers=workers, plot=plot, voice=voice, listener=listener)
    if as_json:
        print(json.dumps([{**asdict(each), "met": each.is_met} for each in figures], indent=1, ensure_ascii=False))
    else:
        print_figures(figures)


def _print_issued(found: Detection, issued: list[dict[str, Any]] | None) -> None:
    if issued is None:
        if found.is_detected:
            print("  The mark alone proves nothing: compare with the signed log (--audit).")
        return
    for payload in dict.fromkeys(each.payload.hex for each in found.segments if each.payload):
        lines = [line for line in issued if line["payload"] == payload]
        if not lines:
            print(f"  The log has no line with payload {payload} under this key: do not trust the mark.")
            continue
        first = lines[0]
        consent = ", ".join(first["consentIds"]) or "none"
        sounds = "1 sound" if len(lines) == 1 else f"{len(lines)} sounds"
        print(f"  The signed log agrees: {sounds} of voice {first['voice']}, consent {consent},")
        print(f"  {first['time']} to {lines[-1]['time']}: clocktrain audit find {payload}")


def _print(path: Path, found: Detection) -> None:
    keys = "1 key" if found.num_keys == 1 else f"{found.num_keys} keys"
    searched = f"{keys}, {found.num_looks:_} looks".replace("_", " ")
    if not found.is_detected:
        print(f"{path}: no mark (p = {min(1.0, found.p_value):.2g}; {searched})")
        if not found.has_enough_sound:
            print(f"  That says little: only {found.sounding_seconds:.1f} s of {found.seconds:.1f} s are sound.")
        return
    print(f"{path}: marked (log10 p = {found.log10_p:.1f}; {searched})")
    for each in found.segments:
        says = f"payload {each.payload.hex} ({each.payload.words()})" if each.payload else "no payload could be read"
        speed = "" if each.speed == each.pitch == 1.0 else f", played at {each.speed:g}x, pitch {each.pitch:g}x"
        print(f"  {each.start_s:.1f} to {each.end_s:.1f} s, key {each.key_id} of {each.quarter}{speed}: {says}")


def _today() -> date:
    return datetime.now(UTC).date()
