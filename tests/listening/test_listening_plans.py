"""What a listener hears: balanced, blind, always the same, equally loud; and what makes a test impossible."""

from __future__ import annotations

import stat
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from heard_voices import evaluated, made, tone  # pyright: ignore[reportMissingImports]
from hypothesis import given
from hypothesis import strategies as st

from clock_train.audio.loudness import loudness_lufs, peak_dbfs
from clock_train.audio.writing import write_wav
from clock_train.errors import ListeningTestInvalid
from clock_train.listening.equal_sounds import equal_loudness, ruined
from clock_train.listening.listening_test import (
    ListeningKind,
    ListeningTest,
    Role,
    Stimulus,
    read_test,
    trials_of,
)
from clock_train.listening.making import MakingRequest, make_test
from clock_train.listening.rooms import ListeningRoom


def planned(kind: ListeningKind, sentences: int, trials: int, seed: str = "seed") -> ListeningTest:
    systems = ("natural", "anna", "boris") if kind is ListeningKind.MOS else ("anna", "boris")
    stimuli = [
        Stimulus(id=f"{system}-{at}", system=system, utterance=str(at), seconds=1.0)
        for system in systems
        for at in range(sentences)
    ]
    golds = [
        Stimulus(id=f"{system}-{at}", system=system, utterance=str(at), seconds=1.0)
        for system in ("gold/natural", "gold/ruined")
        for at in range(min(2, sentences))
    ]
    return ListeningTest(
        id="abcdefgh", kind=kind, made="", seed=seed, systems=systems, stimuli=(*stimuli, *golds), trials=trials,
        listeners=9, sample_rate_hz=16_000, loudness_lufs=-26.0,
    )  # fmt: skip


@given(st.sampled_from(ListeningKind), st.integers(1, 16), st.integers(3, 40), st.integers(1, 99), st.text(max_size=9))
def test_every_session_has_gold_its_systems_equally_often_and_no_question_twice_but_repeats(
    kind: ListeningKind, sentences: int, trials: int, listener: int, seed: str
) -> None:
    test = planned(kind, sentences, trials, seed)
    plan = trials_of(test, listener)
    assert plan == trials_of(test, listener) and [trial.number for trial in plan] == list(range(len(plan)))
    rated = [trial for trial in plan if trial.role is Role.RATED]
    heard = Counter(stimulus.system for trial in rated for stimulus in trial.stimuli)
    assert set(heard) == set(test.systems) and len(set(heard.values())) == 1 and len(rated) <= trials
    assert len({frozenset(trial.stimuli) for trial in rated}) == len(rated)
    golds = [trial for trial in plan if trial.role is Role.GOLD]
    assert len(golds) == (2 if kind is ListeningKind.MOS else 1) and all(trial.accepted for trial in golds)
    for repeat in (trial for trial in plan if trial.role is Role.REPEAT):
        assert any(set(repeat.stimuli) == set(trial.stimuli) for trial in rated)
    if kind is ListeningKind.AB:
        first = Counter(trial.stimuli[0].system for trial in rated)
        assert abs(first["anna"] - first["boris"]) <= 1


def test_listeners_take_sentences_in_turn_so_that_all_are_heard_equally_often() -> None:
    test = planned(ListeningKind.MOS, sentences=12, trials=12)
    heard = Counter(
        trial.stimuli[0].utterance
        for listener in range(1, 7)
        for trial in trials_of(test, listener)
        if trial.role is Role.RATED
    )
    assert len(heard) == 12 and len(set(heard.values())) == 1


def test_listeners_hear_in_different_orders() -> None:
    test = planned(ListeningKind.MOS, sentences=6, trials=18)
    assert len({tuple(trial.stimuli[0].id for trial in trials_of(test, listener)) for listener in range(1, 9)}) == 8


def test_the_order_of_a_seed_never_changes() -> None:
    # written down once: a session that a newer version goes on with must not change under its listener
    plan = trials_of(planned(ListeningKind.MOS, sentences=2, trials=6), 1)
    assert [trial.stimuli[0].id for trial in plan] == [
        "gold/ruined-1", "anna-1", "gold/natural-1", "natural-0", "anna-0", "boris-1", "gold/natural-0",
        "boris-0", "natural-1", "gold/ruined-0", "anna-1", "natural-0", "anna-0",
    ]  # fmt: skip


def test_a_test_is_read_as_it_was_written() -> None:
    test = planned(ListeningKind.AB, sentences=3, trials=3)
    assert read_test(test.as_json(), "here") == test


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schemaVersion": 2}', '{"schemaVersion": 1, "kind": "x"}'])
def test_what_is_no_test_is_said(text: str) -> None:
    with pytest.raises(ListeningTestInvalid, match="here"):
        read_test(text, "here")


def test_all_sounds_of_a_test_are_equally_loud_of_one_rate_and_without_labels(tmp_path: Path) -> None:
    test = made(tmp_path).test
    for stimulus in test.stimuli:
        path = tmp_path / "test" / "sounds" / f"{stimulus.id}.wav"
        sound, rate_hz = soundfile.read(path, dtype="float32")
        # 16 bits: half a step of noise moves -26 LUFS by less than this
        assert loudness_lufs(sound, rate_hz) == pytest.approx(test.loudness_lufs, abs=0.05)
        assert rate_hz == test.sample_rate_hz == 16_000 and peak_dbfs(sound) <= -0.99
        assert path.stat().st_size == 44 + 2 * len(sound)


def test_peaks_lower_all_sounds_and_clip_none() -> None:
    rng = np.random.default_rng(1)
    spiky = (0.02 * rng.standard_normal(16_000)).astype(np.float32)
    spiky[8_000] = 0.6
    equal, loudness = equal_loudness({"spiky": spiky, "even": spiky.clip(-0.05, 0.05)}, 16_000)
    assert -33 < loudness < -26 and max(map(peak_dbfs, equal.values())) == pytest.approx(-1.0, abs=0.01)
    assert loudness_lufs(equal["even"], 16_000) == pytest.approx(loudness, abs=0.01)


def test_a_silent_sound_and_one_of_peaks_alone_are_refused() -> None:
    with pytest.raises(ListeningTestInvalid, match="mute is silent"):
        equal_loudness({"mute": np.zeros(16_000, dtype=np.float32)}, 16_000)
    click = (1e-3 * np.random.default_rng(1).standard_normal(16_000)).astype(np.float32)
    click[99] = 1.0
    with pytest.raises(ListeningTestInvalid, match="click has peaks"):
        equal_loudness({"click": click}, 16_000)


def test_a_ruined_recording_is_far_from_it() -> None:
    sound = np.sin(np.arange(16_000) / 20).astype(np.float32)
    noise = ruined(sound, "x") - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(noise**2)) < 3.0


def test_names_keys_and_rights_of_a_tests_folder(tmp_path: Path) -> None:
    folder = made(tmp_path).folder
    for name in ("test.json", "invitations.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = " ".join(path.name for path in (folder / "sounds").iterdir())
    assert not any(word in names for word in ("anna", "boris", "natural", "north", "gold"))


def test_a_test_is_never_written_over(tmp_path: Path) -> None:
    done = made(tmp_path)
    with pytest.raises(ListeningTestInvalid, match="holds a test already"):
        make_test(MakingRequest(evaluations={"anna": tmp_path / "anna"}, output=done.folder))


def test_one_voice_alone_is_set_beside_the_recordings(tmp_path: Path) -> None:
    judged = {"anna": evaluated(tmp_path / "anna")}
    pair = make_test(MakingRequest(evaluations=judged, output=tmp_path / "ab", kind=ListeningKind.AB))
    grades = make_test(MakingRequest(evaluations=judged, output=tmp_path / "mos"))
    assert pair.test.systems == ("anna", "natural")
    assert grades.test.systems == ("natural", "anna", "anna-resynthesis")
    assert len(set(pair.tokens)) == 8 and ListeningRoom(pair.folder).test == pair.test


def test_it_is_made_of_what_an_evaluation_really_writes(tmp_path: Path) -> None:
    from clock_train.evaluation.scores import EvaluationItem
    from clock_train.orchestration.held_out import HeldOut, write_sounds
    from clock_train.orchestration.voice_evaluation import SOUNDS_FOLDER

    items = [
        EvaluationItem(
            id=f"set/{at}", text="wind", language="en", natural=tone(120.0, 0.3, 0.5), generated=tone(120.0, 0.1, 0.5),
            resynthesis=tone(120.0, 0.2, 0.5),
        )
        for at in range(3)
    ]  # fmt: skip
    write_sounds(HeldOut(items, 0.0), tmp_path / "judged" / SOUNDS_FOLDER, sample_rate_hz=16_000)
    done = make_test(MakingRequest(evaluations={"anna": tmp_path / "judged"}, output=tmp_path / "test"))
    assert done.sentences == 3 and done.test.systems == ("natural", "anna", "anna-resynthesis")


def test_the_run_is_taken_from_a_bundle_and_from_what_lies_beside_an_evaluation(tmp_path: Path) -> None:
    judged = evaluated(tmp_path / "demo" / "judged")
    run = tmp_path / "demo" / "tracking" / "x"
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"run_id": "' + "a" * 32 + '"}')
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "voice.json").write_text('{"trackingRun": "' + "b" * 32 + '"}')
    beside = make_test(MakingRequest(evaluations={"anna": judged}, output=tmp_path / "one"))
    named = make_test(
        MakingRequest(evaluations={"anna": judged}, output=tmp_path / "two", runs=[str(bundle), "c" * 32])
    )
    assert beside.test.run_ids == ("a" * 32,)
    assert named.test.run_ids == ("b" * 32, "c" * 32)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"systems": ("natural", "clara")}, "no sounds of"),
        ({"kind": ListeningKind.AB, "systems": ("anna",)}, "compares two"),
        ({"trials": 2}, "less than one sentence"),
        ({"runs": ("somewhere",)}, "no id of an MLflow run"),
    ],
)
def test_what_cannot_be_asked_is_said(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    judged = {"anna": evaluated(tmp_path / "anna")}
    with pytest.raises(ListeningTestInvalid, match=said):
        make_test(MakingRequest(evaluations=judged, output=tmp_path / "test", **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["natural", "a/b", "", "../x", "a b", "=1"])
def test_a_name_that_could_mislead_a_table_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ListeningTestInvalid, match="can name no voice"):
        make_test(MakingRequest(evaluations={name: evaluated(tmp_path / "x")}, output=tmp_path / "test"))


def test_voices_without_a_sentence_in_common_make_no_test(tmp_path: Path) -> None:
    judged = {
        "anna": evaluated(tmp_path / "a", sentences=["one"]),
        "boris": evaluated(tmp_path / "b", sentences=["two"]),
    }
    with pytest.raises(ListeningTestInvalid, match="no sentence has a sound of each"):
        make_test(MakingRequest(evaluations=judged, output=tmp_path / "test"))


def test_a_folder_without_sounds_and_a_silent_voice_are_named(tmp_path: Path) -> None:
    with pytest.raises(ListeningTestInvalid, match="held-out"):
        make_test(MakingRequest(evaluations={"anna": tmp_path}, output=tmp_path / "test"))
    judged = evaluated(tmp_path / "anna")
    write_wav(judged / "held-out" / "sun" / "generated.wav", np.zeros(8_000, dtype=np.float32), 16_000)
    with pytest.raises(ListeningTestInvalid, match="anna of sun is silent"):
        make_test(MakingRequest(evaluations={"anna": judged}, output=tmp_path / "test"))
