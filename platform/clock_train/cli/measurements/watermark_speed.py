"""What marking and detecting cost, in CPU time of one core."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

from clock_train.cli.measurements.watermark_clips import clips
from clock_train.evaluation.targets import Figure
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer
from clock_train.watermark.detect import detect, num_looks
from clock_train.watermark.embed import embed
from clock_train.watermark.keys import new_keys
from clock_train.watermark.payload import Payload

RATE_HZ = 16_000
FIRST_DAY, TODAY = date(2025, 7, 1), date(2026, 6, 30)
SENTENCE_SECONDS = 3.0


def rows(num_clips: int, rounds: int) -> Iterator[Figure]:
    """Speed of marking a sentence, and of the full search over a year of a tenant's keys in unmarked speech.

    Args:
        num_clips: that are searched.
        rounds: of marking one sentence; the median counts.
    """
    speech = [clip for _, clip in clips(num_clips)]
    keys = new_keys("tenant", FIRST_DAY)
    key = keys.embedding_key(TODAY)
    payload = Payload(tenant=1, voice=2, consent=3, day=500)
    sentence = speech[0][: round(SENTENCE_SECONDS * RATE_HZ)]
    spent = _median(lambda: embed(sentence, RATE_HZ, key, payload, request_id="speed"), rounds)
    yield Figure(
        title="marking", measured=SENTENCE_SECONDS / spent, unit="x real time", at_least=800, note="16 kHz, one core"
    )
    yield Figure(title="marking a sentence of 3 s", measured=1000 * spent, unit="ms", at_most=4)
    yield _line_of_the_log(rounds)
    searched = keys.detection_keys(TODAY)
    detect(sentence, searched)  # signs are derived once a process
    began = time.process_time()
    for clip in speech:
        detect(clip, searched)
    seconds = sum(len(clip) for clip in speech) / RATE_HZ
    note = (
        f"full search of unmarked speech, {len(searched)} keys (a year: any number of voices and days), "
        f"{num_looks(len(speech[0]), len(searched), 41):,} looks".replace(",", " ", 0)
    )
    yield Figure(
        title="detecting", measured=seconds / (time.process_time() - began), unit="x real time", at_least=10, note=note
    )


def _line_of_the_log(rounds: int) -> Figure:
    """What a request waits for before its sound may leave: on the disk, so by the clock and not by the CPU."""
    with tempfile.TemporaryDirectory(prefix="clocktrain-line-") as folder:
        issuer = Issuer(Installation(Path(folder)))

        def begin() -> None:
            issuer.begin(text="Good morning.", voice="anna", consent_ids=["c"], sample_rate_hz=RATE_HZ)

        begin()  # makes the keys
        spent = []
        for _ in range(rounds):
            began = time.perf_counter()
            begin()
            spent.append(time.perf_counter() - began)
    return Figure(
        title="beginning a request", measured=1000 * float(np.median(spent)), unit="ms",
        note="keys, payload and a signed line that is on this machine's disk",
    )  # fmt: skip


def _median(work: Callable[[], object], rounds: int) -> float:
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return float(np.median(spent))
