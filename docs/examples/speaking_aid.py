"""Assistive communication (辅助沟通): a person's own voice for phrases at a key and for what is typed.

    python speaking_aid.py --voice anna --bank phrases/           # then type, a line at a time
    python speaking_aid.py --voice anna --live                    # or a letter at a time: each sentence as it ends
    python speaking_aid.py --voice anna --bank phrases/ --add thanks "Thank you very much."

``/thanks`` says the phrase of that name at once, from the disk: also where the server or the network is away. Anything
else is spoken as it is typed. With ``--live`` a word is on its way once a space or a sign ends it, and can be mended
until then; a new line says what there is. With ``--out DIR`` sounds are written there instead of being played.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import json
import os
import sys
import termios
import time
import tty
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

from clock_train.client import SpeechClient
from clock_train.client.playing import Player
from clock_train.errors import ClockTrainError

RATE_HZ = 24_000
RUBOUT, CTRL_D = "\b\x7f", "\x04"


class PhraseBank:
    """Phrases that are spoken already.

    Args:
        folder: of their sounds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, client: SpeechClient, name: str, text: str, voice: str) -> None:
        """Have a phrase spoken and keep it."""
        client.save(text, self._folder / f"{name}.wav", voice=voice, sample_rate_hz=RATE_HZ)
        (self._folder / f"{name}.json").write_text(json.dumps({"text": text, "voice": voice}, ensure_ascii=False))

    def samples(self, name: str) -> bytes | None:
        """The sound of a phrase; None where there is none."""
        with contextlib.suppress(FileNotFoundError), wave.open(str(self._folder / f"{name}.wav")) as file:
            return file.readframes(file.getnframes())
        return None

    def names(self) -> list[str]:
        """All of them."""
        return sorted(path.stem for path in self._folder.glob("*.wav"))


def converse(
    client: SpeechClient, bank: PhraseBank, voice: str, lines: list[str] | None, play: Callable[[bytes], object]
) -> None:
    """Speak line after line until there are no more; a server that is away is said, and phrases go on."""
    for line in sys.stdin if lines is None else lines:
        began, first_s = time.monotonic(), 0.0
        said = line.strip()
        if not said:
            continue
        if said.startswith("/"):
            samples = bank.samples(said[1:])
            if samples is None:
                print(f"no phrase {said[1:]}; there are: {', '.join(bank.names())}", file=sys.stderr)
            else:
                play(samples)
            continue
        try:
            for piece in client.stream(said, voice=voice, format="pcm", sample_rate_hz=RATE_HZ):
                first_s = first_s or time.monotonic() - began
                play(piece.content)
        except ClockTrainError as error:
            print(f"not spoken: {error}", file=sys.stderr)
        else:
            print(f"heard after {1000 * first_s:.0f} ms", file=sys.stderr)


def words(letters: Iterator[str], echo: Callable[[str], None]) -> Iterator[str]:
    """Words with what ends them, as they are typed; a line's end also says what there is."""
    word = ""
    for letter in letters:
        if letter in RUBOUT:
            if word:
                word = word[:-1]
                echo("\b \b")
            continue
        echo(letter)
        word += letter
        if not letter.isalnum():
            yield word
            word = ""
        if letter == "\n":
            yield ""  # say what there is
    if word:
        yield word


@contextlib.contextmanager
def typed() -> Iterator[Iterator[str]]:
    """Letters at once, from a terminal or through a pipe, until Ctrl-D."""

    def letters() -> Iterator[str]:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        while content := os.read(sys.stdin.fileno(), 1024):
            for letter in decode(content):
                if letter == CTRL_D:
                    return
                yield letter

    if not sys.stdin.isatty():
        yield letters()
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin, termios.TCSADRAIN)
    print("type; Ctrl-D ends", file=sys.stderr, flush=True)
    try:
        yield letters()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def speak_live(client: SpeechClient, voice: str, play: Callable[[bytes], object]) -> None:
    """Speak while somebody types."""

    def echo(letter: str) -> None:
        if sys.stdin.isatty():
            print(letter, end="", file=sys.stderr, flush=True)

    with typed() as letters:
        for piece in client.live(words(letters, echo), voice=voice, format="pcm", sample_rate_hz=RATE_HZ):
            play(piece.content)


def main() -> None:
    """As above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="127.0.0.1:8881")
    parser.add_argument("--voice", required=True)
    parser.add_argument("--bank", type=Path, default=Path("phrases"))
    parser.add_argument("--add", nargs=2, metavar=("NAME", "TEXT"))
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    bank = PhraseBank(asked.bank)
    with SpeechClient(asked.server, key=os.environ.get("CLOCKTRAIN_API_KEY"), timeout_s=20) as client:
        if asked.add:
            bank.add(client, *asked.add, asked.voice)
            print(f"/{asked.add[0]} is in the bank")
            return
        with contextlib.ExitStack() as opened:
            if asked.out is None:
                play = opened.enter_context(Player(RATE_HZ)).write
            else:
                asked.out.mkdir(parents=True, exist_ok=True)
                play = opened.enter_context((asked.out / "spoken.pcm").open("wb", buffering=0)).write
            if asked.live:
                speak_live(client, asked.voice, play)
            else:
                converse(client, bank, asked.voice, None, play)


if __name__ == "__main__":
    main()
