"""Customer service (智能客服): one brand voice for announcements that are made in advance and for answers on the line.

    python customer_service.py batch prompts.csv sounds/ --voice anna
    python customer_service.py answer "Your parcel arrives tomorrow." --voice anna --out answer.wav

``prompts.csv`` has the columns ``name`` and ``text``. A prompt that was made before and has not changed is not made
again. Telephone switches take wav at 8 kHz, which is what is written. Names of products are said as the lexicon of the
server says (``--lexicon``).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from clock_train.client import SpeechClient

TELEPHONE_HZ = 8000


def batch(client: SpeechClient, prompts: Path, out: Path, voice: str, lexicon: str) -> tuple[int, int]:
    """Make every prompt of a table; returns how many were made, and how many were there already."""
    out.mkdir(parents=True, exist_ok=True)
    index_path = out / "prompts.json"
    index: dict[str, str] = json.loads(index_path.read_text()) if index_path.exists() else {}
    with prompts.open(encoding="utf-8-sig", newline="") as file:
        rows = [(row["name"].strip(), row["text"].strip()) for row in csv.DictReader(file)]
    served = {f"{each.name}@{alias}": each.version for each in client.voices() for alias in ["", *each.aliases]}
    wanted = {
        name: hashlib.sha256(json.dumps([text, voice, served.get(voice), lexicon]).encode()).hexdigest()
        for name, text in rows
    }
    to_make = [
        (name, text) for name, text in rows if index.get(name) != wanted[name] or not (out / f"{name}.wav").exists()
    ]

    def make(row: tuple[str, str]) -> None:
        name, text = row
        client.save(text, out / f"{name}.wav", voice=voice, lexicon=lexicon, sample_rate_hz=TELEPHONE_HZ)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, to_make))
    index_path.write_text(json.dumps(wanted, indent=1))
    return len(to_make), len(rows) - len(to_make)


def answer(client: SpeechClient, text: str, voice: str, lexicon: str, out: Path) -> tuple[float, float]:
    """Speak an answer while it is heard; returns seconds to its first sound, and of sound."""
    began, first_s, content = time.monotonic(), 0.0, bytearray()
    for piece in client.stream(text, voice=voice, lexicon=lexicon, format="wav", sample_rate_hz=TELEPHONE_HZ):
        first_s = first_s or time.monotonic() - began
        content += piece.content  # a switch would play it here
    out.write_bytes(content)
    return first_s, (len(content) - 44) / 2 / TELEPHONE_HZ


def main() -> None:
    """As above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("act", choices=["batch", "answer"])
    parser.add_argument("what", help="The table, or the text.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("sounds"))
    parser.add_argument("--server", default="127.0.0.1:8881")
    parser.add_argument("--voice", required=True)
    parser.add_argument("--lexicon", default="")
    parser.add_argument("--out", type=Path, default=Path("answer.wav"))
    asked = parser.parse_args()
    with SpeechClient(asked.server, key=os.environ.get("CLOCKTRAIN_API_KEY")) as client:
        if asked.act == "batch":
            made, kept = batch(client, Path(asked.what), asked.folder, asked.voice, asked.lexicon)
            print(f"{made} prompts made, {kept} unchanged")
        else:
            first_s, seconds = answer(client, asked.what, asked.voice, asked.lexicon, asked.out)
            print(f"{asked.out}: {seconds:.1f} s, the first of it after {1000 * first_s:.0f} ms")


if __name__ == "__main__":
    main()
