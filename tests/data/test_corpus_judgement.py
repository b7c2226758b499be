from __future__ import annotations

import numpy as np
import pytest

from clock_train.data.consistency import Draft, compare, seconds_per_phone
from clock_train.data.coverage import summarise, tier_of
from clock_train.data.languages import choose_language, is_readable_as
from clock_train.data.manifest import Clip, ClipQuality, Origin
from clock_train.data.reasons import REASONS
from clock_train.data.voices import find_split
from clock_train.errors import (
    AudioError,
    AudioUnwritable,
    LexiconInvalid,
    LexiconNotFound,
    SsmlInvalid,
    TextError,
    TranscriptLanguageMismatch,
)


def _clip(name: str, *, seconds: float = 3.0, rate: float = 12.0, melody: float = 8.0, **fields) -> Clip:
    quality = ClipQuality(rate_phones_per_s=rate, f0_median_hz=190.0, f0_spread_semitones=melody, snr_db=40.0)
    values = {"verdict": "accepted", "text": f"text {name}", "quality": quality, **fields}
    origin = Origin(file=f"{name}.wav", start_s=0.0, end_s=seconds)
    return Clip(
        id=name, speaker="anna", language="en", path=f"audio/{name}.flac", seconds=seconds, origin=origin, **values
    )


def _advice(clips: list[Clip]) -> str:
    return " ".join(summarise(clips)["speakers"]["anna"]["advice"])


def _balanced(num_clips: int, **fields) -> list[Clip]:
    styles = ("statement", "statement", "question", "exclamation")
    return [_clip(str(i), style=styles[i % 4], rate=8.0 + i % 5, emotion="calm", **fields) for i in range(num_clips)]


@pytest.mark.parametrize(
    ("minutes", "tier"),
    [(0, "below basic"), (9.9, "below basic"), (10, "basic"), (30, "basic"), (119, "basic"), (120, "professional")],
)
def test_tiers_follow_the_articles_minutes(minutes, tier):
    assert tier_of(minutes * 60) == tier


def test_a_varied_corpus_of_two_hours_needs_nothing_more():
    assert summarise(_balanced(2400))["speakers"]["anna"]["advice"] == []


def test_a_short_corpus_says_how_much_is_missing():
    assert "Record about 8 more minutes" in _advice(_balanced(40))


def test_missing_questions_and_exclamations_are_asked_for_by_number():
    advice = _advice([_clip(str(i)) for i in range(300)])
    assert "Record about 27 more questions" in advice
    assert "Record about 13 more exclamations" in advice


def test_one_pace_and_a_flat_melody_are_noticed():
    advice = _advice([_clip(str(i), rate=12.0, melody=2.0) for i in range(300)])
    assert "slower and some faster" in advice
    assert "Read livelier" in advice


def test_frequent_reasons_are_explained():
    clips = [_clip(str(i), verdict="rejected", reasons=["Clipped"]) for i in range(5)]
    assert f"5 clips were left out as Clipped. {REASONS['Clipped']}" in _advice(clips)
    assert summarise(clips)["reasons"]["Clipped"] == {"clips": 5, "what": REASONS["Clipped"]}


def test_every_error_of_one_file_or_text_can_be_a_reason():
    codes = {error.__name__ for parent in (AudioError, TextError) for error in parent.__subclasses__()}
    of_requests = {SsmlInvalid, LexiconInvalid, LexiconNotFound}  # no transcript is SSML
    assert codes - {each.__name__ for each in (AudioUnwritable, *of_requests)} <= set(REASONS)


def _draft(name: str, num_phones: float, speech_s: float, **fields) -> Draft:
    return Draft(clip=_clip(name, **fields), num_phones=num_phones, speech_s=speech_s)


def test_texts_far_from_the_speakers_own_pace_are_rejected():
    usual = [_draft(str(i), 30, 33 * 0.08 * (0.9 + 0.02 * i)) for i in range(12)]
    wrong = [_draft("long text", 90, 2.6), _draft("short text", 10, 4.0)]
    reasons = compare([*usual, *wrong]).reasons
    assert reasons == {"long text": ["TranscriptTooLong"], "short text": ["TranscriptTooShort"]}


def test_a_slow_speaker_is_judged_by_the_own_pace():
    assert compare([_draft(str(i), 30, 33 * 0.15) for i in range(12)]).reasons == {}


def test_pace_is_unknown_with_few_clips():
    assert seconds_per_phone([_draft("a", 30, 3.0)]) is None


def _voice(
    rng: np.random.Generator, num_clips: int, *, colour: float, f0_hz: float
) -> list[tuple[np.ndarray, float, float]]:
    centre = np.random.default_rng(7).normal(0, colour, 40)
    return [(centre + rng.normal(0, 1, 40), f0_hz * 2 ** rng.normal(0, 0.08), 3.0) for _ in range(num_clips)]


def _split(points):
    return find_split([p[0] for p in points], [p[1] for p in points], [p[2] for p in points])


@pytest.mark.parametrize("seed", range(5))
def test_one_voice_raises_no_alarm(seed):
    assert _split(_voice(np.random.default_rng(seed), 120, colour=0.0, f0_hz=190.0)) is None


def test_two_voices_are_told_apart():
    rng = np.random.default_rng(1)
    points = _voice(rng, 60, colour=0.0, f0_hz=190.0) + _voice(rng, 30, colour=3.0, f0_hz=115.0)
    split = _split(points)
    assert split is not None
    assert set(split.smaller) == set(range(60, 90))


def test_two_voices_under_one_name_are_a_warning_with_the_clips():
    rng = np.random.default_rng(2)
    points = _voice(rng, 40, colour=0.0, f0_hz=190.0) + _voice(rng, 30, colour=3.0, f0_hz=115.0)
    drafts = []
    for i, (timbre, f0_hz, seconds) in enumerate(points):
        quality = ClipQuality(f0_median_hz=f0_hz, snr_db=40.0)
        drafts.append(Draft(clip=_clip(str(i), quality=quality), num_phones=30, speech_s=seconds * 0.9, timbre=timbre))
    warnings = compare(drafts).warnings
    assert [warning["code"] for warning in warnings] == ["SpeakersMixed"]
    assert set(warnings[0]["clips"]) == {str(i) for i in range(40, 70)}
    assert '"anna" sounds like two: 30 clips stand apart' in warnings[0]["message"]


def test_few_clips_are_not_judged():
    rng = np.random.default_rng(3)
    assert _split(_voice(rng, 8, colour=0.0, f0_hz=190.0) + _voice(rng, 8, colour=3.0, f0_hz=115.0)) is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("今天天气很好，我们去公园。", "zh"),
        ("请打开 Wi-Fi 和 Bluetooth 设置。", "zh"),
        ("Сегодня хорошая погода.", "ru"),
        ("The weather is nice and we go to the park.", "en"),
        ("El tiempo es bueno y la gente está en el parque.", "es"),
        ("Le temps est beau et nous allons dans le parc.", "fr"),
        ("Il tempo è bello e la gente va nel parco.", "it"),
    ],
)
def test_the_language_is_found_from_the_text(text, language):
    assert choose_language([text], None) == language


def test_a_transcript_of_another_script_is_refused():
    with pytest.raises(TranscriptLanguageMismatch, match=r'are not in "en".*look like "ru"'):
        choose_language(["Привет, мир.", "Как дела?"], "en")


def test_a_transcript_of_another_latin_language_is_refused():
    texts = ["Veuillez composer le numéro de poste suivi du dièse, pour vous et pour la personne."] * 5
    with pytest.raises(TranscriptLanguageMismatch, match=r'look like "fr", not like "en".*--language fr'):
        choose_language(texts, "en")


def test_foreign_words_and_digits_do_no_harm():
    assert is_readable_as("2026", "zh")
    assert is_readable_as("请说 OK", "zh")
    assert is_readable_as("OK", "zh")
    assert is_readable_as("He said 你好 to everybody", "en")
    assert not is_readable_as("你好世界", "en")
    assert not is_readable_as("The weather is nice today", "zh")
    assert choose_language(["one two three"], "fr") == "fr"
