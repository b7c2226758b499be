"""DNSMOS: the wheel's own figures, worse for noise, and rows for speech, resynthesis and recording."""

from __future__ import annotations

import sys
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from evaluation_signals import noise, voice

from clock_train.errors import JudgeMissing, WaveformUnjudgeable
from clock_train.evaluation import figures
from clock_train.evaluation.dnsmos import dnsmos
from clock_train.evaluation.dnsmos_network import HOP_SAMPLES, WINDOW_SAMPLES, load
from clock_train.evaluation.figures import Subject
from clock_train.evaluation.judge_speed import JudgeClock, JudgeSpeed, together
from clock_train.evaluation.real_time_factor import RealTimeFactor
from clock_train.evaluation.report import evaluate
from clock_train.evaluation.scores import OF_SPEECH, EvaluationItem


def test_the_figures_are_those_of_the_wheel() -> None:
    from speechmos import dnsmos as library

    sound = voice(seconds=11.5)
    own: Any = library.run(sound, 16_000)
    found = dnsmos(sound)
    # float32 through the same graph, on another number of threads
    wanted = (own["ovrl_mos"], own["sig_mos"], own["bak_mos"])
    assert (found.overall, found.signal, found.background) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("seconds", [0.05, 0.41, 2.5, 4.51, 8.9, 9.0])
def test_a_repeated_sound_costs_one_round_and_scores_as_all_of_them(seconds: float) -> None:
    sound = (voice(seconds=seconds) + noise(seconds, level=0.01)).clip(-1, 1)
    network, whole = load(), np.resize(sound[: len(sound) // HOP_SAMPLES * HOP_SAMPLES], WINDOW_SAMPLES)
    # float32 in another order of additions
    assert network.repeated(sound) == pytest.approx(network.whole(whole), abs=1e-5)


def test_noise_behind_a_voice_lowers_the_background() -> None:
    assert dnsmos(voice() + noise(level=0.1)).background < dnsmos(voice()).background - 0.3


def test_short_sound_is_repeated_and_silence_refused() -> None:
    short = voice(seconds=0.4)
    # float32 in another order of additions
    assert astuple(dnsmos(short)) == pytest.approx(astuple(dnsmos(np.tile(short, 5))), abs=1e-5)
    with pytest.raises(WaveformUnjudgeable, match="every sample is zero"):
        dnsmos(np.zeros(16_000, dtype=np.float32))


@pytest.mark.parametrize("name", ["speechmos", "onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    load.cache_clear()
    with pytest.raises(JudgeMissing, match=rf"DNSMOS needs {name}, .* uv sync --extra judge"):
        dnsmos(voice())
    load.cache_clear()


def test_recording_resynthesis_and_speech_have_rows_with_the_recording_as_ceiling() -> None:
    item = EvaluationItem(
        id="a", text="x", language="es", natural=voice(), generated=voice() + noise(level=0.05), resynthesis=voice()
    )
    report = evaluate([item], real_time=RealTimeFactor(cpu=0.2, wall=0.3, audio_s=1.6, num_rounds=1))
    for metric in (figures.DNSMOS_OVERALL, figures.DNSMOS_SIGNAL, figures.DNSMOS_BACKGROUND):
        natural = report.row(metric, Subject.NATURAL)
        speech = report.row(metric, Subject.SPEECH)
        assert natural is not None
        assert speech is not None
        assert speech.ceiling == natural.value
        assert report.values()[f"{metric.name}/resynthesis"] == natural.value
    assert report.values()["real_time_factor/speech"] == 0.2
    assert {speed.judge for speed in report.speeds} == {"speaker similarity", "DNSMOS", "distances"}


def test_a_sentence_without_its_sound_is_a_failure_of_every_figure_and_counted() -> None:
    whole = EvaluationItem(id="a", text="x", language="es", natural=voice(), generated=voice(seed=4))
    nothing = np.zeros(0, dtype=np.float32)
    lost = EvaluationItem(
        id="b", text="y", language="es", natural=voice("42"), generated=nothing, no_speech="AudioNotFound: no b.wav"
    )
    report = evaluate([whole, lost])
    row = report.row(figures.MEL, Subject.SPEECH)
    assert row is not None
    assert (row.num_items, row.num_failed) == (1, 1)
    failed = {failure.metric for failure in report.failures if failure.item == "b"}
    assert failed == {metric.name for metric in OF_SPEECH}
    alone = evaluate([lost]).row(figures.DURATION, Subject.SPEECH)
    assert alone is not None
    assert alone.unavailable == "AudioNotFound: no b.wav"


def test_a_judge_s_speed_is_sound_over_processor_time_and_failed_calls_count_nothing() -> None:
    clock = JudgeClock()
    with clock.judging("a", 3.0):
        pass
    with pytest.raises(ValueError, match="no"), clock.judging("b", 1.0):
        raise ValueError("no")
    assert [speed.judge for speed in clock.speeds()] == ["a"]
    speeds = (JudgeSpeed(judge="a", sound_s=10, cpu_s=1), JudgeSpeed(judge="b", sound_s=10, cpu_s=4))
    assert speeds[1].times_real_time == 2.5
    assert together(speeds) == pytest.approx(2.0)
    assert together(()) is None
