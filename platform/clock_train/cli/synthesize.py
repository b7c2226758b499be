"""``clocktrain synthesize``: a text and a voice to a sound file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from clock_train.errors import TextUnreadable
from clock_train.labels.profile import Profile

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def synthesize(
    *,
    voice: Annotated[Path, typer.Option(help="Folder of a trained voice or a bundle, such as demo/voice.")],
    out: Annotated[Path, typer.Option(help="The file to write: wav, flac, mp3, opus, aac or m4a.")],
    text: Annotated[str | None, typer.Option(help="What to say.")] = None,
    file: Annotated[Path | None, typer.Option(help='A UTF-8 text file to say; "-" reads standard input.')] = None,
    language: Annotated[str, typer.Option(help="auto, zh, en, or a language of espeak-ng.")] = "auto",
    speaker: Annotated[str | None, typer.Option(help="One of the voice's speakers; by default its first.")] = None,
    style: Annotated[str, typer.Option(help="statement, question or exclamation; by default from the text.")] = "",
    emotion: Annotated[str | None, typer.Option(help="An emotion that the voice was trained with.")] = None,
    speed: Annotated[float, typer.Option(help="0.25 to 4; above 1 is faster.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same sound.")] = 0,
    profile: Annotated[
        Profile | None, typer.Option(help="Labels in the file, by law; by default the installation's.")
    ] = None,
    audible_label: Annotated[
        bool, typer.Option("--audible-label", help="Four tones first: short, long, short, short.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Speak a text with a trained voice.

    The sound is marked, its file labelled, and its request logged.
    """
    words = text_to_say(text, file)
    from clock_train.issuing.sound_files import write_issued
    from clock_train.labels.files import kind_of
    from clock_train.orchestration.voice_opening import open_voice

    kind_of(out)
    speaking = open_voice(voice)
    began = time.process_time()
    waveform = speaking.say(
        words, language=language, speaker=speaker, style=style, emotion=emotion, speed=speed, seed=seed
    )
    cpu_seconds = time.process_time() - began
    issue = speaking.last_issue
    assert issue is not None
    labels = write_issued(
        out, waveform, speaking.sample_rate_hz, issue, profile=profile, is_audible=audible_label or None
    )
    seconds = len(waveform) / speaking.sample_rate_hz
    if as_json:
        facts = {
            "out": str(out),
            "seconds": round(seconds, 3),
            "sampleRate": speaking.sample_rate_hz,
            "cpuSeconds": round(cpu_seconds, 3),
            "voice": speaking.card.name,
            "marked": issue.is_marked,
            "payload": issue.origin.payload,
            "requestId": issue.origin.request_id,
            "labels": sorted(labels),
        }
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(f"{out}: {seconds:.2f} s of speech by {speaking.card.name}, spoken in {cpu_seconds:.2f} s of CPU")
        if issue.report is not None and issue.report.warning:
            print(issue.report.warning, file=sys.stderr)


def text_to_say(text: str | None, file: Path | None) -> str:
    """The text itself, or that of a file.

    Raises:
        typer.BadParameter: neither was given, or both.
        TextUnreadable: the file cannot be read, or is not UTF-8.
    """
    if (text is None) == (file is None):
        raise typer.BadParameter("give either --text or --file", param_hint="--text / --file")
    if text is not None:
        return text
    assert file is not None
    try:
        return (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise TextUnreadable(f'"{file}" cannot be read ({error.strerror}); name a text file with --file') from error
    except UnicodeDecodeError as error:
        raise TextUnreadable(
            f'"{file}" is not UTF-8 at byte {error.start}; save it as UTF-8, or convert it with iconv'
        ) from error
