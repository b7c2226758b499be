"""``clocktrain synthesize``: a text and a voice to a sound file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from clock_train.cli.issued_facts import issued_facts
from clock_train.errors import TextUnreadable
from clock_train.labels.profile import Profile

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def synthesize(
    *,
    voice: Annotated[
        str, typer.Option(help="Folder of a trained voice or a bundle, such as demo/voice; of a server, its name.")
    ],
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
    server: Annotated[str | None, typer.Option(help="Ask a server at this host and port of its gRPC.")] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="CLOCKTRAIN_API_KEY", show_envvar=False, help="Key for the server; better $CLOCKTRAIN_API_KEY."
        ),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="The server speaks TLS.")] = False,
    ca: Annotated[Path | None, typer.Option(help="Certificate that signed the server's; implies --tls.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Speak a text with a trained voice.

    The sound is marked, its file labelled, and its request logged.
    """
    words = text_to_say(text, file)
    if server is not None:
        how = {"language": language, "style": style, "emotion": emotion or "", "speed": speed, "seed": seed}
        name = voice if speaker is None else f"{voice}/{speaker}"
        _ask(Asking(server, api_key, tls, ca), words, out, name, how, as_json=as_json)
        return
    from clock_train.issuing.sound_files import write_issued
    from clock_train.labels.files import kind_of
    from clock_train.orchestration.voice_opening import open_voice

    kind_of(out)
    speaking = open_voice(Path(voice))
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
        facts = issued_facts(
            out,
            issue,
            samples=len(waveform),
            sample_rate_hz=speaking.sample_rate_hz,
            cpu_seconds=cpu_seconds,
            voice=speaking.card.name,
            labels=labels,
        )
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(f"{out}: {seconds:.2f} s of speech by {speaking.card.name}, spoken in {cpu_seconds:.2f} s of CPU")
        if issue.report is not None and issue.report.warning:
            print(issue.report.warning, file=sys.stderr)


class Asking(NamedTuple):
    """A server, and how to reach it."""

    address: str
    key: str | None
    tls: bool
    ca: Path | None


def _ask(asking: Asking, words: str, out: Path, voice: str, how: dict[str, Any], *, as_json: bool) -> None:
    """Save what a server speaks, as it comes."""
    from clock_train.client import SpeechClient
    from clock_train.client.sounds import SUFFIXES, format_of
    from clock_train.errors import LabelUnwritable

    if format_of(out) is None:
        raise LabelUnwritable(f'"{out}" is no kind of file that a server writes; give one of {", ".join(SUFFIXES)}')
    began = time.monotonic()
    with SpeechClient(asking.address, key=asking.key, tls=asking.tls, ca=asking.ca) as client:
        client.save(words, out, voice=voice, **how)
    seconds = time.monotonic() - began
    if as_json:
        facts = {
            "out": str(out),
            "bytes": out.stat().st_size,
            "voice": voice,
            "server": asking.address,
            "wallSeconds": round(seconds, 3),
        }
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(f"{out}: {out.stat().st_size} bytes by {voice} of {asking.address}, in {seconds:.2f} s")


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
