"""``clocktrain watermark``: keys, marking a file, and finding marks in files."""

from __future__ import annotations

import json
import secrets
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.errors import ClockTrainError

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
    from clock_train.audio.reading import probe, read_waveform
    from clock_train.audio.writing import write_flac, write_wav
    from clock_train.watermark.embed import embed as mark
    from clock_train.watermark.keys import read_keys
    from clock_train.watermark.payload import Payload

    wanted = Payload.from_hex(payload)
    key = read_keys(key_file).embedding_key(_today())
    info = probe(source)
    waveform = read_waveform(source, sample_rate_hz=info.sample_rate_hz)
    request_id = request_id or secrets.token_hex(8)
    marked, report = mark(waveform, info.sample_rate_hz, key, wanted, request_id=request_id)
    (write_flac if out.suffix.lower() == ".flac" else write_wav)(out, marked, info.sample_rate_hz)
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
    key_file: Annotated[list[Path], typer.Option(help="Key file of a tenant; may be given several times.")],
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
    from clock_train.watermark.detect import FULL_SEARCH, NARROW_SEARCH
    from clock_train.watermark.files import detect_file
    from clock_train.watermark.keys import read_keys

    tenants = [read_keys(path) for path in key_file]
    keys = [key for tenant in tenants for key in tenant.detection_keys(_today())]
    results: list[dict[str, Any]] = []
    is_any_lost = False
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
        results.append({"file": str(path), **as_plain(found)})
        if not as_json:
            _print(path, found)
    if as_json:
        print(json.dumps(results[0] if len(files) == 1 else results, indent=1, ensure_ascii=False))
    if is_any_lost:
        raise typer.Exit(FILES_FAILED)


def as_plain(found: Detection) -> dict[str, Any]:
    """A detection for scripts."""
    return {
        "detected": found.is_detected,
        "p_value": found.p_value,
        "log10_p": round(found.log10_p, 2),
        "payload": found.payload.hex if found.payload else None,
        "seconds": round(found.seconds, 3),
        "keys": found.num_keys,
        "looks": found.num_looks,
        "segments": [
            {
                "start": round(each.start_s, 2),
                "end": round(each.end_s, 2),
                "keyId": each.key_id,
                "quarter": each.quarter,
                "speed": each.speed,
                "pitch": each.pitch,
                "log10_p": round(each.log10_p, 2),
                "payload": each.payload.hex if each.payload else None,
                "fields": each.payload.as_plain() if each.payload else None,
            }
            for each in found.segments
        ],
    }


def _print(path: Path, found: Detection) -> None:
    searched = f"{found.num_keys} keys, {found.num_looks:,} looks".replace(",", " ")
    if not found.is_detected:
        print(f"{path}: no mark (p = {min(1.0, found.p_value):.2g}; {searched})")
        return
    print(f"{path}: marked (log10 p = {found.log10_p:.1f}; {searched})")
    for each in found.segments:
        says = f"payload {each.payload.hex} ({each.payload.words()})" if each.payload else "no payload could be read"
        speed = "" if each.speed == each.pitch == 1.0 else f", played at {each.speed:g}x, pitch {each.pitch:g}x"
        print(f"  {each.start_s:.1f} to {each.end_s:.1f} s, key {each.key_id} of {each.quarter}{speed}: {says}")


def _today() -> date:
    return datetime.now(UTC).date()
