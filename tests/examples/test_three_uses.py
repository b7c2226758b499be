"""The article's three uses, as their programs are run: against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("serving", "export", "models")]
from front_process import Front, front  # noqa: E402  # pyright: ignore[reportMissingImports]
from served_voices import voices_in  # noqa: E402  # pyright: ignore[reportMissingImports]
from until import until  # noqa: E402  # pyright: ignore[reportMissingImports]

pytestmark = pytest.mark.ring2
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("uses")
    voices_in(folder, "anna", "ben")
    lexicon = folder / "lexicons" / "default" / "products.json"
    lexicon.parent.mkdir(parents=True)
    entries = [{"grapheme": "ClockTrain", "alias": "clock train"}]
    lexicon.write_text(json.dumps({"schemaVersion": 1, "language": "en", "entries": entries}))
    with front(folder / "voices", folder / "issuing", "--lexicons", str(folder / "lexicons")) as running:
        yield running


def example(served: Front, name: str, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *words, "--server", served.grpc]
    return subprocess.run(command, input=said, capture_output=True, text=True, check=False, timeout=120)


def done(process: subprocess.CompletedProcess[str]) -> str:
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_customer_service_makes_prompts_once_and_answers_live(served: Front, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("name,text\nhello,Welcome to ClockTrain.\nwait,Please hold the line.\n")
    words = ["batch", str(prompts), str(tmp_path / "sounds"), "--voice", "anna", "--lexicon", "products"]
    assert done(example(served, "customer_service.py", *words)) == "2 prompts made, 0 unchanged\n"
    assert done(example(served, "customer_service.py", *words)) == "0 prompts made, 2 unchanged\n"
    prompts.write_text("name,text\nhello,Welcome to ClockTrain!\nwait,Please hold the line.\n")
    assert done(example(served, "customer_service.py", *words)) == "1 prompts made, 1 unchanged\n"
    with wave.open(str(tmp_path / "sounds" / "hello.wav")) as file:
        assert file.getframerate() == 8_000 and file.getnframes() > 4_000
    out = str(tmp_path / "answer.wav")
    told = done(
        example(served, "customer_service.py", "answer", "Your parcel is here.", "--voice", "anna", "--out", out)
    )
    assert "the first of it after" in told and soundfile.info(out).duration > 0.3


def test_a_play_of_two_roles_becomes_one_sound_with_captions(served: Front, tmp_path: Path) -> None:
    play = tmp_path / "play.txt"
    play.write_text("# at night\nANNA: Who is there? Say something.\n[1.5]\nBEN: It is only me.\n")
    out = tmp_path / "play.mp3"
    told = done(
        example(
            served, "audio_play.py", str(play), "--role", "ANNA=anna", "--role", "BEN=ben", "--out", str(out), "--json"
        )
    )
    assert "2 lines by 2 voices" in told
    captions = out.with_suffix(".srt").read_text()
    assert "ANNA: Who is there?" in captions and "\nSay something.\n" in captions and "BEN: It is only me." in captions
    words = json.loads(out.with_suffix(".json").read_text())
    assert [word["value"].lower() for word in words][:3] == ["who", "is", "there"]
    before, after = words[4], words[5]
    assert after["value"].lower() == "it" and after["start_s"] - before["end_s"] > 1.5
    assert soundfile.info(out).duration > words[-1]["end_s"]


def test_a_play_with_a_role_that_nobody_plays_says_which_line(served: Front, tmp_path: Path) -> None:
    play = tmp_path / "play.txt"
    play.write_text("ANNA: Hello.\nEVE: Hello.\n")
    failed = example(served, "audio_play.py", str(play), "--role", "ANNA=anna", "--out", str(tmp_path / "a.mp3"))
    assert failed.returncode and "line 2: nobody plays EVE" in failed.stderr and not (tmp_path / "a.mp3").exists()


def test_phrases_are_there_at_once_and_typed_words_are_spoken(served: Front, tmp_path: Path) -> None:
    bank, words = tmp_path / "bank", ["--voice", "anna", "--bank", str(tmp_path / "bank")]
    done(example(served, "speaking_aid.py", *words, "--add", "thanks", "Thank you very much."))
    assert (bank / "thanks.wav").is_file()
    out = ["--out", str(tmp_path / "heard")]
    spoken = example(served, "speaking_aid.py", *words, *out, said="I would like some tea.\n/thanks\n/nothing\n")
    done(spoken)
    assert "heard after" in spoken.stderr and "no phrase nothing; there are: thanks" in spoken.stderr
    with wave.open(str(bank / "thanks.wav")) as file:
        assert (tmp_path / "heard" / "spoken.pcm").stat().st_size > 2 * file.getnframes()


def test_phrases_speak_on_where_the_server_is_away(served: Front, tmp_path: Path) -> None:
    words = ["--voice", "anna", "--bank", str(tmp_path / "bank")]
    done(example(served, "speaking_aid.py", *words, "--add", "help", "I need help."))
    began = time.monotonic()
    command = [sys.executable, str(EXAMPLES / "speaking_aid.py"), *words, "--out", str(tmp_path / "heard")]
    away = subprocess.run(
        [*command, "--server", "127.0.0.1:9"], input="Hello.\n/help\n", capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert away.returncode == 0 and "not spoken: ServerUnavailable" in away.stderr
    assert (tmp_path / "heard" / "spoken.pcm").stat().st_size > 4_000 and time.monotonic() - began < 50


def sounding(path: Path) -> int:
    """Bytes that were spoken so far."""
    return path.stat().st_size if path.exists() else 0


def test_the_speaking_aid_speaks_a_sentence_while_the_next_is_typed(served: Front, tmp_path: Path) -> None:
    terminal, heard = os.openpty(), tmp_path / "heard" / "spoken.pcm"
    words = ["--voice", "anna", "--bank", str(tmp_path / "bank"), "--live", "--out", str(tmp_path / "heard")]
    command = [sys.executable, str(EXAMPLES / "speaking_aid.py"), *words, "--server", served.grpc]
    aid = subprocess.Popen(command, stdin=terminal[1], stderr=subprocess.PIPE, text=True)
    try:
        assert aid.stderr is not None and aid.stderr.readline() == "type; Ctrl-D ends\n"
        for letter in "Good mornong\x7f\x7f\x7fing. ":  # mended within the word
            os.write(terminal[0], letter.encode())
        until(lambda: sounding(heard) > 4_000, "the first sentence is heard while somebody types on")
        until(lambda: still(heard), "it is over")
        first = sounding(heard)
        os.write(terminal[0], b"I would like some tea\n")
        until(lambda: sounding(heard) > first + 4_000, "a line's end says what there is")
        os.write(terminal[0], b"\x04")
        assert aid.wait(60) == 0
        assert "Good mornong\b \b\b \b\b \bing. " in aid.stderr.read()
    finally:
        aid.kill()
        aid.wait()
        for end in terminal:
            os.close(end)


def still(path: Path) -> bool:
    size = sounding(path)
    time.sleep(0.5)
    return sounding(path) == size
