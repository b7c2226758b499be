"""``clocktrain convert``: a recording, or a stream of sound, in another voice."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer

from clock_train.cli.issued_facts import issued_facts
from clock_train.errors import BundleFileMissing
from clock_train.labels.profile import Profile

if TYPE_CHECKING:
    from clock_train.models.speech import Voice

STREAM = "-"
BLOCK_SECONDS = 0.1
"""Read at once from a stream."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def convert(
    recording: Annotated[str, typer.Argument(help='Sound file; "-" reads a stream: 16-bit samples, one channel.')],
    *,
    voice: Annotated[Path, typer.Option(help="Voice folder of a training, such as base/voice; not a bundle.")],
    out: Annotated[str, typer.Option(help='The file to write: wav, flac, mp3, opus, aac or m4a; "-" of a stream.')],
    speaker: Annotated[str | None, typer.Option(help="Whose voice is to be heard; by default the first.")] = None,
    source: Annotated[str | None, typer.Option(help="Who speaks in it, if one of the voice's speakers.")] = None,
    ahead_ms: Annotated[
        int, typer.Option(min=0, help="Of a stream: milliseconds after a moment that are awaited before it is spoken.")
    ] = 512,
    profile: Annotated[
        Profile | None, typer.Option(help="Labels in the file, by law; by default the installation's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Let a recording be heard in a trained voice.

    The words and the melody stay. The sound is marked, its file labelled, and its request logged. A stream goes from
    standard input to standard output at the voice's rate, and its delay is said first.
    """
    if (recording == STREAM) != (out == STREAM):
        raise typer.BadParameter('a stream has "-" for both, a file for neither', param_hint="RECORDING / --out")
    from clock_train.bundle.opening import is_bundle
    from clock_train.consent.watch import ConsentWatch
    from clock_train.issuing.installation import Installation
    from clock_train.models.speech import Voice

    if is_bundle(voice):
        raise BundleFileMissing(
            f'"{voice}" is a bundle to speak with: the part that hears recordings is not in it. Name the voice folder '
            "of its training"
        )
    speaking = Voice.load(voice)
    ConsentWatch(Installation().consents()).check(speaking.card.grants(), f'the voice "{speaking.card.name}"')
    if out == STREAM:
        pipe(speaking, sys.stdin.buffer, sys.stdout.buffer, Streaming(speaker, source, ahead_ms))
        return
    _convert_file(speaking, Path(recording), Path(out), speaker, source, profile, as_json)


def _convert_file(
    voice: Voice,
    recording: Path,
    out: Path,
    speaker: str | None,
    source: str | None,
    profile: Profile | None,
    as_json: bool,
) -> None:
    from clock_train.audio.reading import read_waveform
    from clock_train.issuing.sound_files import write_issued
    from clock_train.labels.files import kind_of

    kind_of(out)
    waveform = read_waveform(recording, sample_rate_hz=voice.sample_rate_hz)
    began = time.process_time()
    converted = voice.convert(waveform, speaker=speaker, source=source)
    cpu_seconds = time.process_time() - began
    issue = voice.last_issue
    assert issue is not None
    labels = write_issued(out, converted, voice.sample_rate_hz, issue, profile=profile)
    seconds, heard = len(converted) / voice.sample_rate_hz, voice.card.voice_name(speaker)
    if as_json:
        facts = issued_facts(
            out,
            issue,
            samples=len(converted),
            sample_rate_hz=voice.sample_rate_hz,
            cpu_seconds=cpu_seconds,
            voice=heard,
            labels=labels,
        )
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(f"{out}: {seconds:.2f} s in the voice of {heard}, converted in {cpu_seconds:.2f} s of CPU")


class Streaming(NamedTuple):
    """How a stream is converted."""

    speaker: str | None
    source: str | None
    ahead_ms: int


def pipe(voice: Voice, coming: IO[bytes], going: IO[bytes], how: Streaming) -> None:
    """Convert 16-bit samples of one channel at the voice's rate as they come, marked, until they end."""
    from clock_train.models.conversion import ConvertingStream

    conversion = voice.conversion(speaker=how.speaker, source=how.source)
    rate = voice.sample_rate_hz
    ahead = round(how.ahead_ms * rate / 1000 / conversion.hop_samples)
    # beyond its reach nothing would change
    stream = ConvertingStream(conversion, ahead_frames=min(ahead, conversion.reach_frames))
    issue = voice.begin_conversion(speaker=how.speaker, source=how.source, recording=f"stream {time.time_ns()}")
    print(f"{rate} Hz, 16 bit, one channel; {stream.delay_s:.2f} s behind, mark not counted", file=sys.stderr)
    kept = b""
    while block := coming.read(2 * int(BLOCK_SECONDS * rate)):
        whole = len(kept + block) // 2 * 2
        samples, kept = (kept + block)[:whole], (kept + block)[whole:]
        heard = np.frombuffer(samples, dtype="<i2").astype(np.float32) / 32768.0
        _write(going, issue.push(stream.push(heard)))
    _write(going, issue.push(stream.finish()))
    _write(going, issue.finish())


def _write(going: IO[bytes], waveform: np.ndarray) -> None:
    if len(waveform):
        going.write((np.clip(waveform, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
        going.flush()
