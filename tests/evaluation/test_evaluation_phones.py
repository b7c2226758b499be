"""The phone recogniser: it learns what it hears, is kept, and its error stands beside the recordings own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_signals import voice

from clock_train.errors import ConfigError, ReportDamaged, TrainingDataTooSmall, WaveformUnjudgeable
from clock_train.evaluation import figures
from clock_train.evaluation.figures import Subject
from clock_train.evaluation.phone_recogniser import PhoneRecogniser, RecogniserConfig
from clock_train.evaluation.phone_recogniser_training import (
    RecogniserTraining,
    data_digest,
    train_phone_recogniser,
)
from clock_train.evaluation.report import NO_PHONE_JUDGE, evaluate
from clock_train.evaluation.scores import EvaluationItem
from clock_train.evaluation.targets import Target

SMALL = RecogniserTraining(
    cpu_seconds=20,
    max_epochs=40,
    batch_size=4,
    network=RecogniserConfig(channels=24, dilations=(1, 2), recurrent=16, dropout=0.0),
)


def spoken(count: int, *, seed: int) -> tuple[list[np.ndarray], list[list[int]]]:
    """Vowels in random order, never one twice in a row, as phones 10 to 14."""
    rng = np.random.default_rng(seed)
    waveforms, phones = [], []
    for n in range(count):
        word = [int(rng.integers(5))]
        while len(word) < 5:
            word.append(int((word[-1] + rng.integers(1, 5)) % 5))
        waveforms.append(voice("".join(map(str, word)), seconds=1.0, f0_hz=float(rng.uniform(100, 160)), seed=n))
        phones.append([10 + vowel for vowel in word])
    return waveforms, phones


@pytest.fixture(scope="module")
def judge() -> PhoneRecogniser:
    return train_phone_recogniser(*spoken(60, seed=1), language="es", training=SMALL)


def test_it_hears_sentences_that_it_was_not_trained_on(judge: PhoneRecogniser) -> None:
    waveforms, phones = spoken(10, seed=2)
    found = [judge.phone_errors(ids, waveform) for ids, waveform in zip(phones, waveforms, strict=True)]
    # five clear vowels: chance is 0.8 and worse
    assert sum(each.num_errors for each in found) / sum(each.num_phones for each in found) < 0.3
    assert judge.facts.phones == (10, 11, 12, 13, 14)
    assert judge.facts.seconds == 60.0


def test_it_is_kept_and_found_again(judge: PhoneRecogniser, tmp_path: Path) -> None:
    judge.save(tmp_path / "deep" / "es.safetensors")
    again = PhoneRecogniser.load(tmp_path / "deep" / "es.safetensors")
    sound = spoken(1, seed=3)[0][0]
    assert again.facts == judge.facts
    assert again.hear(sound) == judge.hear(sound)


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_file_is_refused_with_what_to_do(damage: str, judge: PhoneRecogniser, tmp_path: Path) -> None:
    path = tmp_path / "es.safetensors"
    judge.save(path)
    content = {"cut": path.read_bytes()[:-50], "empty": b"", "text": b"hello" * 20}[damage]
    path.write_bytes(content)
    with pytest.raises(ReportDamaged, match=r"is no phone recogniser .* Delete it"):
        PhoneRecogniser.load(path)


def test_the_digest_follows_sounds_phones_and_settings() -> None:
    waveforms, phones = spoken(3, seed=4)
    first = data_digest(waveforms, phones)
    assert data_digest(waveforms, phones) == first
    assert data_digest([wave * 0.9 for wave in waveforms], phones) != first
    assert data_digest(waveforms, [ids[::-1] for ids in phones]) != first
    assert data_digest(waveforms, phones, SMALL) != first


def test_too_little_to_learn_from_and_nothing_to_hear_are_refused(judge: PhoneRecogniser) -> None:
    with pytest.raises(TrainingDataTooSmall, match=r"es needs 10 s .* there are 2\.0 s"):
        train_phone_recogniser(*spoken(2, seed=5), language="es", training=SMALL)
    with pytest.raises(WaveformUnjudgeable):
        judge.hear(np.zeros(16_000, dtype=np.float32))


def test_clips_with_more_phones_than_frames_are_left_out() -> None:
    waveforms, phones = spoken(12, seed=6)
    phones[0] = [10, 11] * 200
    quick = RecogniserTraining(cpu_seconds=5, max_epochs=1, network=SMALL.network)
    assert train_phone_recogniser(waveforms, phones, language="es", training=quick).facts.epochs == 1.0


def items() -> list[EvaluationItem]:
    waveforms, phones = spoken(4, seed=7)
    return [
        EvaluationItem(
            id=str(n), text="x", language="es", natural=wave, generated=waveforms[0], phones=tuple(phones[n])
        )
        for n, wave in enumerate(waveforms)
    ]


def test_speech_has_the_recordings_error_as_its_ceiling(judge: PhoneRecogniser) -> None:
    report = evaluate(items(), phone_judges={"es": judge})
    natural = report.row(figures.PHONE_ERRORS, Subject.NATURAL)
    speech = report.row(figures.PHONE_ERRORS, Subject.SPEECH)
    assert natural is not None
    assert speech is not None
    assert speech.value is not None
    assert speech.ceiling == natural.value
    # every sentence got the sound of the first one
    assert speech.value > (natural.value or 0)
    assert "phone recogniser" in {speed.judge for speed in report.speeds}


def test_silence_is_every_phone_missed(judge: PhoneRecogniser) -> None:
    quiet = items()[0]
    quiet = EvaluationItem(
        id="q", text="x", language="es", natural=quiet.natural, generated=np.zeros(16_000, np.float32),
        phones=quiet.phones,
    )  # fmt: skip
    assert evaluate([quiet], phone_judges={"es": judge}).items[0].scores["phone_error_rate/speech"] == 1.0


def test_without_a_judge_the_row_says_why() -> None:
    for judges, reason in (({}, NO_PHONE_JUDGE), ({"es": "too few recordings"}, "too few recordings")):
        row = evaluate(items(), phone_judges=judges).row(figures.PHONE_ERRORS, Subject.SPEECH)
        assert row is not None
        assert row.unavailable == reason


def test_no_target_may_name_the_synthetic_judge() -> None:
    with pytest.raises(ConfigError, match="its judge learnt from another synthesiser"):
        Target(metric=figures.SYNTHETIC_PHONE_ERRORS.name, subject=Subject.SPEECH, at_most=0.5)
