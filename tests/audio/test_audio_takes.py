"""Each fault of a take is named with what to do; a file's pauses part its takes."""

from __future__ import annotations

import numpy as np
import pytest

from clock_train.audio.take_check import check_take
from clock_train.audio.take_sources import FileTakes
from clock_train.audio.writing import write_wav

RATE_HZ = 16_000


@pytest.fixture
def take(bursts):
    """One burst of 1.3 s with a second of room on both sides."""

    def make(snr_db: float = 45.0, level: float = 0.1) -> np.ndarray:
        return bursts(snr_db, seconds=3.4, level=level)[0]

    return make


def codes(*arguments, **options) -> list[str]:
    return [problem.code for problem in check_take(*arguments, **options).problems]


def test_a_clean_take_is_good_and_measured(take):
    report = check_take(take(), RATE_HZ, expected_seconds=1.3)
    assert report.is_good
    assert report.snr_db == pytest.approx(45.0, abs=2.0)
    assert report.speech_level_db == pytest.approx(-20.0, abs=1.0)
    # Lead and hangover add 0.2 s.
    assert report.speech_seconds == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize(
    ("code", "advice", "make"),
    [
        ("Silent", "right microphone is chosen", lambda take: take()[:12_000]),
        ("Clipped", "lower the gain", lambda take: np.clip(20 * take(), -1, 1)),
        ("TooQuiet", "raise the gain", lambda take: take(level=0.005)),
        ("TooNoisy", "switch off fans", lambda take: take(snr_db=15.0)),
        ("CutOffStart", "press Enter, breathe in, then speak", lambda take: take()[17_000:]),
        ("CutOffEnd", "wait a moment, then press Enter", lambda take: take()[:34_000]),
    ],
)
def test_each_fault_is_named_with_what_to_do(code, advice, make, take):
    problems = {problem.code: problem.advice for problem in check_take(make(take), RATE_HZ).problems}
    assert list(problems) == [code]
    assert advice in problems[code]


def test_a_reading_far_from_the_length_of_its_line_is_doubted(take):
    assert codes(take(), RATE_HZ, expected_seconds=5.0) == ["TooShort"]
    assert codes(take(), RATE_HZ, expected_seconds=0.1) == ["TooLong"]
    assert codes(take(), RATE_HZ, expected_seconds=None) == []


def test_lost_samples_are_the_computers_fault(take):
    report = check_take(take(), RATE_HZ, has_gaps=True)
    assert report.problems[0].code == "SamplesLost"
    assert "close other programs" in report.problems[0].advice


def test_pauses_of_a_second_part_the_takes_of_a_file(tmp_path, bursts):
    waveform, true = bursts(45.0, seconds=12.0)
    # Bursts are 0.9 s apart: moved apart to two seconds, save for the first two.
    parts = [np.zeros(RATE_HZ, dtype=np.float32)]
    for number, (start, end) in enumerate(true):
        parts.append(waveform[round((start - 0.1) * RATE_HZ) : round((end + 0.1) * RATE_HZ)])
        if number:
            parts.append(np.zeros(2 * RATE_HZ, dtype=np.float32))
    rng = np.random.default_rng(0)
    joined = np.concatenate(parts)
    joined += (rng.standard_normal(len(joined)) * 0.0005).astype(np.float32)
    write_wav(tmp_path / "takes.wav", joined, RATE_HZ)

    source = FileTakes(tmp_path / "takes.wav")
    num_samples = 0

    def count(block):
        nonlocal num_samples
        num_samples += len(block)

    takes = []
    while (found := source.record(lambda: False, count)) is not None:
        takes.append(found.waveform)
    assert len(takes) == len(true) - 1
    assert num_samples == sum(map(len, takes))
    assert len(takes[0]) / RATE_HZ == pytest.approx(1.3 + 0.2 + 1.3 + 2 * 0.4, abs=0.3)
    assert not source.play(takes[0])
