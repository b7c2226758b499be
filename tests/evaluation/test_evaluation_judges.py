"""The judges with models: similarity, words, alignment, and what is said when they are not there."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest
from evaluation_signals import noise, voice

from clock_train.errors import EvaluationError, JudgeMissing, JudgeUndecided, WaveformUnjudgeable
from clock_train.evaluation import forced_alignment, recogniser, speaker_similarity
from clock_train.evaluation.forced_alignment import WordTiming, align_words, word_start_errors
from clock_train.evaluation.judge_library import judge_library
from clock_train.evaluation.recogniser import edit_distance, word_error_rate, word_errors
from clock_train.evaluation.speaker_similarity import embedding, embeddings, floor_and_ceiling, heard_parts, similarity
from clock_train.evaluation.spoken_words import spoken_words
from clock_train.evaluation.voice_activity import without_silences


@pytest.fixture
def without_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where the judge extra was not installed."""
    real_import = builtins.__import__

    def refuse(name, *arguments, **keywords):
        if name.split(".")[0] in ("resemblyzer", "pocketsphinx"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real_import(name, *arguments, **keywords)

    for module in [name for name in sys.modules if name.split(".")[0] in ("resemblyzer", "pocketsphinx")]:
        monkeypatch.delitem(sys.modules, module)
    for name in ("resemblyzer", "pocketsphinx", "resemblyzer.audio"):
        monkeypatch.setitem(sys.modules, name, None)  # what makes an import fail
    monkeypatch.setattr(builtins, "__import__", refuse)
    caches = (speaker_similarity.load, recogniser.load, forced_alignment._decoder)
    for cached in caches:
        cached.cache_clear()


def test_a_d_vector_has_length_one_and_no_negative_entry() -> None:
    vector = embedding(voice())
    assert vector.shape == (256,)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert vector.min() >= 0.0


def test_the_d_vector_is_the_library_s_own() -> None:
    from resemblyzer import VoiceEncoder, preprocess_wav

    sound = voice(seconds=2.5)
    own = VoiceEncoder("cpu", verbose=False).embed_utterance(preprocess_wav(sound))
    # float32 through another FFT
    assert embedding(sound) == pytest.approx(own, abs=1e-5)


@pytest.mark.parametrize("level", [0.01, 1.0])
@pytest.mark.parametrize("pauses", [(0.0,), (0.05,), (0.3, 1.1), (2.0, 0.1, 0.5)])
def test_silences_are_cut_where_the_library_cuts_them(level: float, pauses: tuple[float, ...]) -> None:
    from resemblyzer import preprocess_wav

    parts = [level * voice("04", seconds=0.12 + 0.3 * n, seed=n) for n in range(len(pauses))]
    sound = np.concatenate(
        [each for part, gap in zip(parts, pauses, strict=True) for each in (part, noise(gap, level=1e-4))]
    )
    np.testing.assert_array_equal(without_silences(sound, "a judge"), preprocess_wav(sound))


def test_sounds_heard_together_have_the_d_vectors_that_each_has_alone() -> None:
    sounds = [voice(seconds=seconds, seed=n) for n, seconds in enumerate((0.6, 2.5, 1.6))]
    together = embeddings([heard_parts(sound) for sound in sounds])
    # float32 in another order of additions
    assert np.stack(together) == pytest.approx(np.stack([embedding(sound) for sound in sounds]), abs=1e-5)
    assert embeddings([]) == []


def test_one_voice_is_more_similar_to_itself_than_to_another() -> None:
    clips = [voice("0123", seed=1), voice("4102", f0_hz=125, seed=2)]
    other = [voice("0123", f0_hz=230, tract=1.18), voice("2341", f0_hz=220, tract=1.18)]
    bounds = floor_and_ceiling(clips, other)
    assert bounds.floor is not None
    assert bounds.ceiling is not None
    assert bounds.floor < bounds.ceiling
    assert similarity(clips[0], clips) > similarity(other[0], clips)
    assert similarity(clips[0], [clips[0]]) == pytest.approx(1.0, abs=1e-5)


def test_without_other_clips_there_is_no_floor_and_no_ceiling() -> None:
    bounds = floor_and_ceiling([voice()])
    assert (bounds.floor, bounds.ceiling) == (None, None)


def test_a_sound_without_speech_still_has_a_d_vector() -> None:
    assert np.isfinite(embedding(noise(0.4, level=0.001))).all()


def test_the_judge_restores_the_number_of_threads() -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        embedding(voice())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [("a b c", "a b c", 0), ("a b c", "a x c", 1), ("a b c", "", 3), ("", "a b", 2), ("a b c", "b c d", 2)],
)
def test_word_errors_are_the_fewest_edits(reference: str, hypothesis: str, expected: int) -> None:
    assert edit_distance(reference.split(), hypothesis.split()) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 'done', José — twenty-one.", ["it's", "done", "jose", "twenty", "one"]),
        ("don’t STOP", ["don't", "stop"]),
        ("123 你好 😀", []),
    ],
)
def test_words_are_compared_without_case_and_signs(text: str, words: list[str]) -> None:
    assert spoken_words(text) == words


def test_vowels_are_not_the_sentence() -> None:
    found = word_errors("please enter your password", voice())
    assert found.num_words == 4
    assert found.rate >= 0.75


def test_what_was_heard_before_does_not_change_a_result() -> None:
    sound = voice("0314", seconds=2.0) + noise(2.0, level=0.005)
    alone = word_errors("hello there", sound)
    for other in (noise(2.0), voice("44", f0_hz=210)):
        word_errors("hello there", other)
    assert word_errors("hello there", sound) == alone


def test_a_text_without_words_cannot_be_recognised() -> None:
    with pytest.raises(EvaluationError, match="'12 345' has no words to recognise"):
        word_error_rate("12 345", voice())


@pytest.mark.parametrize("judge", [word_error_rate, align_words])
def test_a_language_without_a_model_is_a_missing_judge(judge) -> None:
    with pytest.raises(JudgeMissing, match="know en, not 'zh'"):
        judge("欢迎", voice(), language="zh")


def test_silence_is_refused_by_every_judge() -> None:
    for judge in (embedding, lambda sound: word_errors("a", sound), lambda sound: align_words("a", sound)):
        with pytest.raises(WaveformUnjudgeable, match="is silent"):
            judge(np.zeros(16_000))


@pytest.mark.usefixtures("without_judges")
def test_a_judge_that_is_not_installed_says_how_to_get_it() -> None:
    for judge in (embedding, lambda sound: word_errors("a", sound), lambda sound: align_words("a", sound)):
        with pytest.raises(JudgeMissing, match="Run: uv sync --extra judge"):
            judge(voice())


def test_a_library_whose_own_import_fails_is_named_with_the_cause(tmp_path, monkeypatch) -> None:
    (tmp_path / "halfjudge.py").write_text("import not_there_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(JudgeMissing, match=r"halfjudge, which cannot be loaded .*not_there_at_all"):
        judge_library("halfjudge", "a judge")


def test_a_text_of_unknown_words_is_undecided() -> None:
    with pytest.raises(JudgeUndecided, match=r"none of the words .*dictionary"):
        align_words("xqzzt vvrk", voice())


def test_a_text_that_cannot_fit_the_sound_is_undecided() -> None:
    with pytest.raises(JudgeUndecided, match=r"found no path through 0.20 s"):
        align_words("this is a very long sentence that nobody can say so fast", voice(seconds=0.2))


def test_word_starts_are_compared_by_index() -> None:
    def timing(index: int, start_s: float) -> WordTiming:
        return WordTiming(index=index, word="w", start_s=start_s, end_s=start_s + 0.1)

    errors = word_start_errors([timing(0, 0.0), timing(1, 0.5), timing(3, 1.0)], [timing(1, 0.54), timing(3, 1.2)])
    assert errors.errors_s == pytest.approx((0.04, 0.2))
    assert errors.share_within_50_ms == 0.5
    assert errors.median_s == pytest.approx(0.12)
    assert np.isnan(word_start_errors([], []).median_s)
