"""Audio content (有声内容): a play with several roles as one sound, with captions that name who speaks.

    python audio_play.py play.txt --role ANNA=anna --role BEN=ben --out play.mp3

A line of the play is ``ANNA: Who is there?``; ``[2]`` alone on a line is a pause of two seconds; ``#`` begins a remark.
Beside the sound ``play.srt`` is written, and with ``--json`` ``play.json`` with every word.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path

from clock_train.client import SpeechClient, Spoken
from clock_train.client.wire import Said

PAUSE = re.compile(r"\[(\d+(?:\.\d+)?)\]")
LINE = re.compile(r"([^:#]+):\s*(.+)")


def read_play(text: str, roles: dict[str, str]) -> list[Said]:
    """The lines of a play.

    Raises:
        ValueError: a line that is none, or a role that nobody plays; it names the line.
    """
    script: list[Said] = []
    pause_s: float | None = None
    for number, written in enumerate(text.splitlines(), 1):
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        pause = PAUSE.fullmatch(line)
        if pause:
            pause_s = (pause_s or 0.0) + float(pause[1])
            continue
        said = LINE.fullmatch(line)
        if said is None:
            raise ValueError(f'line {number} is no line of a role: write "ANNA: Who is there?"')
        role = said[1].strip()
        if role not in roles:
            raise ValueError(f"line {number}: nobody plays {role}; give --role {role}=VOICE")
        script.append(Said(text=said[2], voice=roles[role], pause_s=pause_s))
        pause_s = None
    return script


def captions(spoken: Spoken, script: list[Said], names: dict[str, str]) -> str:
    """SubRip: a caption a sentence, with the role before the first one of its line."""
    sentences = [each for each in spoken.timed if each.kind == "sentence"]
    blocks, left = [], [(names[line.voice], line.text) for line in script]
    for number, sentence in enumerate(sentences, 1):
        who = ""
        if left and left[0][1].lstrip().startswith(sentence.value[:20]):
            who = f"{left.pop(0)[0]}: "
        blocks.append(f"{number}\n{_time(sentence.start_s)} --> {_time(sentence.end_s)}\n{who}{sentence.value}\n")
    return "\n".join(blocks)


def _time(seconds: float) -> str:
    millis = round(1000 * seconds)
    return f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02},{millis % 1000:03}"


def main() -> None:
    """As above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("play", type=Path)
    parser.add_argument("--role", action="append", default=[], metavar="ROLE=VOICE")
    parser.add_argument("--server", default="127.0.0.1:8881")
    parser.add_argument("--out", type=Path, default=Path("play.mp3"))
    parser.add_argument("--json", action="store_true", help="Also every word with its times.")
    asked = parser.parse_args()
    roles = dict(each.split("=", 1) for each in asked.role)
    script = read_play(asked.play.read_text(encoding="utf-8"), roles)
    kinds = ["sentence", "word"] if asked.json else ["sentence"]
    with SpeechClient(asked.server, key=os.environ.get("CLOCKTRAIN_API_KEY"), timeout_s=600) as client:
        spoken = client.synthesize(script=script, format=asked.out.suffix[1:], timed=kinds)
    spoken.save(asked.out)
    asked.out.with_suffix(".srt").write_text(captions(spoken, script, {voice: role for role, voice in roles.items()}))
    if asked.json:
        words = [vars(each) for each in spoken.timed if each.kind == "word"]
        asked.out.with_suffix(".json").write_text(json.dumps(words, ensure_ascii=False, indent=1))
    print(f"{asked.out}: {spoken.seconds:.1f} s, {len(script)} lines by {len(roles)} voices")


if __name__ == "__main__":
    main()
