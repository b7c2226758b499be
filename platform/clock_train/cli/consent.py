"""``clocktrain consent``: who may be cloned, for what, where and until when."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.errors import ConfigValueInvalid, ConsentMissing

if TYPE_CHECKING:
    from clock_train.consent.challenge import Challenge
    from clock_train.consent.record import ConsentRecord

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Record, verify and take back speakers' consents.",
)

Speaker = Annotated[str, typer.Option(help="Pseudonym of the speaker.")]
Purposes = Annotated[
    list[str], typer.Option("--purpose", help="What the voice may be used for, such as customer-service; repeatable.")
]
Territories = Annotated[
    list[str], typer.Option("--territory", help="ISO 3166 code of where, or worldwide; repeatable.")
]
Until = Annotated[str, typer.Option(help="Last day, YEAR-MONTH-DAY.")]
Language = Annotated[str, typer.Option(help="Of the sentence to say: en or zh.")]
Recordings = Annotated[
    Path, typer.Argument(metavar="RECORDINGS", help='Recordings, as for "clocktrain corpus build", or a corpus.')
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result for scripts.")]


@app.command()
def prompt(
    *,
    speaker: Speaker,
    purposes: Purposes,
    territories: Territories,
    until: Until,
    language: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Ask for a statement: print the sentence that the speaker must say within a day."""
    challenge = _ask(speaker, purposes, territories, until, language)
    if as_json:
        print(challenge.json(), end="")
        return
    print(challenge.sentence)
    _say(f"When it is said: clocktrain consent record RECORDINGS --sentence {challenge.id} --statement FILE")


@app.command()
def record(
    recordings: Recordings,
    *,
    statement: Annotated[
        Path | None, typer.Option(help="Sound file of the speaker saying the sentence; without it the microphone.")
    ] = None,
    sentence: Annotated[str | None, typer.Option(help='Of "clocktrain consent prompt"; asked now if absent.')] = None,
    speaker: Annotated[str | None, typer.Option(help="Pseudonym of the speaker.")] = None,
    purposes: Annotated[list[str] | None, typer.Option("--purpose", help="What for; repeatable.")] = None,
    territories: Annotated[list[str] | None, typer.Option("--territory", help="Where; repeatable.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, YEAR-MONTH-DAY.")] = None,
    language: Language = "en",
    transcripts: Annotated[Path | None, typer.Option(help="As for corpus build, where they lie elsewhere.")] = None,
    consent_id: Annotated[str | None, typer.Option("--id", help="Of the record; made if absent.")] = None,
    device: Annotated[str | None, typer.Option(help="Microphone, by name or number.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a speaker's statement, check its words and voice, and sign the consent for these recordings."""
    from clock_train.compliance.giving_consent import give_consent, recordings_of
    from clock_train.issuing.installation import Installation

    if sentence is not None:
        challenge = Installation().consents().asked(sentence, now=datetime.now(UTC))
    elif statement is not None:
        raise ConfigValueInvalid(
            "--statement needs --sentence: a file that was there before anybody asked could be of any day. Ask with "
            '"clocktrain consent prompt"'
        )
    elif speaker is None or not purposes or not territories or until is None:
        raise ConfigValueInvalid("give --speaker, --purpose, --territory and --until, or --sentence and --statement")
    else:
        challenge = _ask(speaker, purposes, territories, until, language)
    agreed = recordings_of(recordings, challenge.speaker_id, transcripts)
    with tempfile.TemporaryDirectory() as folder:
        heard = statement or _from_microphone(challenge, device, Path(folder))
        made = give_consent(agreed, challenge, heard, consent_id=consent_id)
    _show(made, as_json)
    if not as_json:
        _say(f'written beside the recordings: "{agreed.record_path}"')


@app.command()
def licence(
    recordings: Recordings,
    *,
    licence: Annotated[str, typer.Option(help="Its name, such as CC-BY-4.0.")],
    uri: Annotated[str, typer.Option(help="Where its text is.")],
    attribution: Annotated[str, typer.Option(help="Whom it asks to name.")] = "",
    speaker: Annotated[str | None, typer.Option(help="Pseudonym; by default the corpus' own.")] = None,
    transcripts: Annotated[Path | None, typer.Option(help="As for corpus build, where they lie elsewhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sign the licence of published recordings; it is no consent, and allows demonstrations only."""
    from clock_train.orchestration.consents import keep_licence

    made = keep_licence(
        recordings, licence=licence, licence_uri=uri, attribution=attribution, speaker=speaker, transcripts=transcripts
    )
    _show(made, as_json)


@app.command("list")
def list_consents(*, as_json: AsJson = False) -> None:
    """List the consents that are kept here, with their state."""
    from clock_train.issuing.installation import Installation

    registry = Installation().consents()
    now, revoked = registry.newest_time(datetime.now(UTC)), registry.revoked()
    rows = [{**_plain(each), "state": _state(each, now, revoked)} for each in registry.records()]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    names = ("id", "state", "speakerId", "kind", "purposes", "territories", "expirationTime")
    for name in ("id", "state", "speaker", "kind", "purposes", "territories", "until"):
        table.add_column(name)
    for row in rows:
        cells = [" ".join(value) if isinstance(value := row[name], list) else str(value or "-") for name in names]
        table.add_row(*map(Text, cells))
    console = Console()
    console.width = max(console.width, 150)
    console.print(table)


@app.command()
def verify(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="RECORD...", help="Records, or folders that have one beside the recordings.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Say whether records are whole, signed by a trusted key, and in force."""
    from clock_train.consent.record import read_record, record_paths
    from clock_train.consent.rules import check_in_force
    from clock_train.issuing.installation import Installation

    registry = Installation().consents()
    now, revoked = registry.newest_time(datetime.now(UTC)), registry.revoked()
    for place in recordings:
        paths = record_paths(place) if place.is_dir() else [place]
        if not paths:
            raise ConsentMissing(f'no consent record beside "{place}"; make one with "clocktrain consent record"')
        for path in paths:
            found = read_record(path)
            registry.check(found)
            check_in_force(found, now, is_revoked=found.id in revoked)
            _show(found, as_json)


@app.command()
def revoke(
    consent_id: Annotated[str, typer.Argument(metavar="CONSENT", help="Its id.")], *, as_json: AsJson = False
) -> None:
    """Take a consent back for good: nothing is trained from its recordings or spoken with its voices any more."""
    from clock_train.issuing.installation import Installation

    taken_back = Installation().consents().revoke(consent_id, now=datetime.now(UTC))
    _show(taken_back, as_json)
    if not as_json:
        _say("From now on nothing is trained or spoken under it; servers follow within a second.")
        _say("Waiting for you: what was made is still kept. See what there is, then leave --dry-run out:")
        _say(f"  clocktrain erase speaker {shlex.quote(taken_back.speaker_id)} --store STORE --folder FOLDER --dry-run")


@app.command()
def key() -> None:
    """Print the public key that signs records here, for the trusted-keys of another installation."""
    from clock_train.issuing.installation import Installation

    print(Installation().signer().public_key)


def _ask(speaker: str, purposes: list[str], territories: list[str], until: str, language: str) -> Challenge:
    from clock_train.consent.challenge import new_challenge
    from clock_train.issuing.installation import Installation

    try:
        last = date.fromisoformat(until)
    except ValueError:
        raise ConfigValueInvalid(f'--until "{until}" is no day; write it like 2027-12-31') from None
    challenge = new_challenge(
        speaker_id=speaker, language=language, purposes=purposes, territories=territories, until=last,
        now=datetime.now(UTC),
    )  # fmt: skip
    Installation().consents().ask(challenge)
    return challenge


def _from_microphone(challenge: Challenge, device: str | None, folder: Path) -> Path:
    from clock_train.audio.microphone import Microphone
    from clock_train.audio.take_sources import SAMPLE_RATE_HZ
    from clock_train.audio.writing import write_flac
    from clock_train.cli.record_screen import Keyboard, Screen

    microphone, keyboard, screen = Microphone(device), Keyboard(), Screen()
    screen.say(f"{microphone.name}. Press Enter, say this, and press Enter again:\n\n  {challenge.sentence}\n")
    with keyboard.single():
        keyboard.read()
        with screen.metering() as on_block:
            take = microphone.record(keyboard.is_pressed, on_block)
    if take is None:
        raise ConfigValueInvalid("nothing was recorded; run the command again, or give --statement")
    path = folder / "statement.flac"
    write_flac(path, take.waveform, SAMPLE_RATE_HZ)
    return path


def _state(record: ConsentRecord, now: datetime, revoked: dict[str, str]) -> str:
    if record.revoked or record.id in revoked:
        return "revoked"
    return "expired" if record.is_expired(now) else "in force"


def _plain(record: ConsentRecord) -> dict[str, Any]:
    from clock_train.consent.record import record_json

    return json.loads(record_json(record))


def _show(record: ConsentRecord, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_plain(record), ensure_ascii=False, indent=1))
        return
    state = "revoked" if record.revoked else f"until {record.expiration_time or 'for ever'}"
    print(f"{record.id}: {record.kind} of {record.speaker_id}, {state}")
    print(f"  for {', '.join(record.purposes)} in {', '.join(record.territories)}")
    if record.speaker_similarity is not None:
        missed = record.word_error_rate
        words = "words not checked, no recogniser" if missed is None else f"{missed:.0%} of the words missed"
        print(f"  statement: voice {record.speaker_similarity:.2f}, {words}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
