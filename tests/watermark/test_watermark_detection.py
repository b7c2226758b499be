"""Marks are found, say what was put into them, and are never seen where there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from marking import DAY, PAYLOAD, RATE_HZ, marked, speech, tenant

from clock_train.audio.resampling import resample
from clock_train.cli.measurements import sound_attacks as attacks
from clock_train.cli.measurements.watermark_false_alarms import KINDS, kolmogorov, make_sound, normal_tail
from clock_train.errors import AudioSamplesInvalid, ConfigError
from clock_train.watermark import pattern, segments
from clock_train.watermark.detect import NARROW_SEARCH, detect, num_parts, parts_of
from clock_train.watermark.embed import Marker, embed, start_of
from clock_train.watermark.framing import COLUMN_SECONDS, CYCLE_HOPS
from clock_train.watermark.pattern import QuarterKey
from clock_train.watermark.payload import Payload
from clock_train.watermark.reading import Aligned, local_statistics
from clock_train.watermark.search import TAIL_FACTOR, PartSpectrum, log10_tail
from clock_train.watermark.spectra import Spectra

KEYS = tenant()
KEY = KEYS.embedding_key(DAY)
SOUND = speech()
MARKED = marked(SOUND, KEY)


def test_a_marked_sound_is_found_from_end_to_end_with_its_payload() -> None:
    found = detect(MARKED, [KEY])
    assert found.is_detected and found.log10_p < -50
    assert found.payload == PAYLOAD
    assert len(found.segments) == 1
    segment = found.segments[0]
    assert segment.start_s < 0.5 and segment.end_s > len(SOUND) / RATE_HZ - 0.5
    assert (segment.key_id, segment.quarter, segment.speed) == (KEY.key_id, "2026Q2", 1.0)


def test_an_unmarked_sound_is_not_found_and_every_look_is_paid_for() -> None:
    found = detect(SOUND, [KEY])
    assert not found.is_detected and found.segments == [] and found.payload is None
    assert found.log10_p > -6
    assert found.num_looks == CYCLE_HOPS * (41 + 3)  # 41 speeds and stretches, and three windows in 8 s


def test_the_mark_costs_little_and_as_many_samples_come_out_as_went_in() -> None:
    assert len(MARKED) == len(SOUND)
    noise = np.sum((MARKED - SOUND) ** 2)
    assert 10 * np.log10(np.sum(SOUND**2) / noise) > 26  # 28.5 on recordings


@pytest.mark.parametrize("most", [1, 17, 160, 1000, 4096])
def test_chunks_of_every_size_give_the_same_mark(most: int) -> None:
    sound, rng = SOUND[: 2 * RATE_HZ], np.random.default_rng(most)
    marker = Marker(KEY, PAYLOAD, sample_rate_hz=RATE_HZ, request_id="request")
    out, at = [], 0
    while at < len(sound):
        size = int(rng.integers(1, most + 1))
        out.append(marker.push(sound[at : at + size]))
        at = min(at + size, len(sound))
        assert at - sum(map(len, out)) <= 256  # 16 ms
    out.append(marker.finish())
    # sums in float32 round in the last bit where blocks of frames end elsewhere
    assert np.abs(np.concatenate(out) - marked(sound, KEY)).max() < 1e-6


def test_the_start_differs_by_request_and_needs_no_sound() -> None:
    starts = {start_of(KEY, f"request {n}") for n in range(50)}
    assert len(starts) > 45 and max(starts) < CYCLE_HOPS
    assert start_of(KEY, "request 1") == start_of(KEY, "request 1")
    assert start_of(KEY, "request 1", 0) != start_of(KEY, "request 1", 1)  # a long file never repeats in step


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_every_sample_rate_is_marked_so_that_16_khz_finds_it(rate_hz: int) -> None:
    sound = marked(resample(SOUND, RATE_HZ, rate_hz), KEY, rate_hz=rate_hz)
    assert detect(resample(sound, rate_hz, RATE_HZ), [KEY], speeds=NARROW_SEARCH).payload == PAYLOAD


ATTACKS = {
    "mp3": attacks.mp3(64),
    "aac": attacks.aac(64),
    "opus": attacks.opus(16),
    "g711": attacks.g711,
    "gain": attacks.gain(-12),
    "noise": attacks.noise(25),
    "crop": attacks.crop(3),
    "faster": attacks.speed(1.05),
    "slower": attacks.speed(0.95),
    "stretched": attacks.stretch(1.05),
    "low pass": attacks.low_pass(4000),
    "reordered": attacks.reordered,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_the_mark_outlives(name: str) -> None:
    found = detect(ATTACKS[name](MARKED, np.random.default_rng(1)), [KEY])
    assert found.is_detected
    assert found.payload in (PAYLOAD, None)


def test_a_splice_is_shown_where_it_is() -> None:
    other = speech(10.0, seed=5)
    mixed = np.concatenate([other[: 5 * RATE_HZ], MARKED[RATE_HZ : 5 * RATE_HZ], other[5 * RATE_HZ :]])
    found = detect(mixed, [KEY])
    assert found.payload == PAYLOAD
    assert min(each.start_s for each in found.segments) == pytest.approx(5.0, abs=0.7)
    assert max(each.end_s for each in found.segments) == pytest.approx(9.0, abs=0.7)


def test_two_marks_in_one_sound_are_both_found() -> None:
    other = tenant("other").embedding_key(DAY)
    second = Payload.from_hex("0cd00200d2b5")
    found = detect(marked(MARKED, other, payload=second), [KEY, other])
    assert {each.payload for each in found.segments} == {PAYLOAD, second}


def test_marking_again_and_subtracting_removes_nothing() -> None:
    other = tenant("attacker").embedding_key(DAY)
    assert detect(2 * MARKED - marked(MARKED, other), [KEY]).payload == PAYLOAD


def test_averaging_marked_files_neither_forges_nor_removes() -> None:
    files = [marked(speech(seed=n), KEY, request_id=f"{n}") for n in range(24)]
    mean = np.mean(files, axis=0)
    fresh = speech(seed=99)
    assert not detect((fresh + 0.5 * mean).astype(np.float32), [KEY]).is_detected
    assert detect((MARKED - 0.2 * mean).astype(np.float32), [KEY]).is_detected


def test_a_payload_under_learnt_signs_is_believed_only_with_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    # the attacker knows every sign of sync, header and body, and lacks only the key of the tag
    invented = Payload.from_hex("00400100c2b6")
    right = pattern.tag_of(KEY, invented)
    monkeypatch.setattr(pattern, "tag_of", lambda quarter, payload: right ^ 1)
    pattern.marked_signs.cache_clear()
    forged = marked(SOUND, KEY, payload=invented)
    monkeypatch.undo()
    pattern.marked_signs.cache_clear()
    found = detect(forged, [KEY])
    assert found.is_detected and found.payload is None


def test_a_thousand_wrong_keys_find_nothing() -> None:
    spectrum = PartSpectrum(Spectra(MARKED[: 4 * RATE_HZ]).cells())
    assert spectrum.best(KEY).statistic > 10
    paid = math.log10(1000 * CYCLE_HOPS)
    best = max(spectrum.best(tenant(f"{n}").embedding_key(DAY)).statistic for n in range(1000))
    assert log10_tail(best) + paid > -3  # 1e-3 by chance, once in a thousand runs


@pytest.mark.parametrize("kind", KINDS)
def test_looks_without_a_mark_are_uniform(kind: str) -> None:
    rng = np.random.default_rng(7)
    values = []
    for n in range(3):
        spectrum = PartSpectrum(Spectra(make_sound(kind, speech(4.0, seed=n), rng)).cells())
        for k in range(100):
            statistics = spectrum.statistics(tenant(f"{n} {k}").embedding_key(DAY)).ravel()
            values.append(normal_tail(float(rng.choice(statistics))))
    assert kolmogorov(values)[1] > 1e-4  # by chance once in 10,000


def test_the_tail_is_never_smaller_than_that_of_random_signs() -> None:
    # two equal terms are the worst case of Bentkus and Dzindzalieta: the sum is sqrt 2 with probability 1/4
    assert 10 ** log10_tail(math.sqrt(2)) == pytest.approx(0.25)
    assert pytest.approx(3.178, abs=0.001) == TAIL_FACTOR
    values = [log10_tail(t) for t in np.linspace(0, 60, 600)]
    assert values == sorted(values, reverse=True) and values[0] == 0.0


@pytest.mark.parametrize("sound", [np.zeros(RATE_HZ * 3), np.zeros(10), np.zeros(0)], ids=["silence", "tiny", "none"])
def test_silence_and_next_to_nothing_are_no_mark_and_no_error(sound: np.ndarray) -> None:
    found = detect(sound.astype(np.float32), [KEY])
    assert not found.is_detected and found.p_value == 1.0


def test_ten_hours_go_through_in_parts_of_fifteen_seconds() -> None:
    longest = count = 0
    last = 0.0
    minutes = 600
    for start_s, part in parts_of(np.zeros(60 * RATE_HZ, dtype=np.float32) for _ in range(minutes)):
        longest, count, last = max(longest, len(part)), count + 1, start_s + len(part) / RATE_HZ
    assert longest == round(15.36 * RATE_HZ)
    assert count == num_parts(minutes * 60 * RATE_HZ)
    assert last == pytest.approx(minutes * 60)


def test_a_sound_too_short_for_its_mark_says_so() -> None:
    _, report = embed(SOUND[:8000], RATE_HZ, KEY, PAYLOAD, request_id="short")
    assert not report.fits and not report.payload_fits
    assert "its mark may not be found" in report.warning
    _, report = embed(SOUND[: 2 * RATE_HZ], RATE_HZ, KEY, PAYLOAD, request_id="short")
    assert report.fits and "its payload may not be readable" in report.warning
    assert embed(SOUND, RATE_HZ, KEY, PAYLOAD, request_id="long")[1].warning == ""


def test_what_cannot_be_marked_is_refused() -> None:
    with pytest.raises(ConfigError, match="a sound of 4000 Hz cannot be marked; give 8000 Hz or more"):
        Marker(KEY, PAYLOAD, sample_rate_hz=4000, request_id="low")
    with pytest.raises(AudioSamplesInvalid, match="holds NaN or infinity"):
        Marker(KEY, PAYLOAD, sample_rate_hz=RATE_HZ, request_id="nan").push(np.array([0.0, np.nan]))


def test_silence_stays_silence() -> None:
    assert not np.any(marked(np.zeros(RATE_HZ, dtype=np.float32), KEY))


def test_many_voices_and_days_cost_no_key_of_their_own() -> None:
    # sync stands under the key of the quarter: a year of any voices is five keys at most
    assert len(KEYS.detection_keys(DAY.replace(year=2027))) == 5
    payload = Payload(tenant=1, voice=4095, consent=4095, day=16_383)
    assert detect(marked(SOUND, KEY, payload=payload), KEYS.detection_keys(DAY)).payload == payload


def test_half_a_second_that_looks_marked_by_chance_is_no_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = speech(9.0)
    sound[4 * RATE_HZ :] = marked(sound[4 * RATE_HZ :].copy(), KEY)

    def with_chance(aligned: Aligned, key: QuarterKey) -> np.ndarray:
        found = local_statistics(aligned, key)
        chance = slice(round(1.0 / COLUMN_SECONDS), round(1.5 / COLUMN_SECONDS))
        found[chance] = 5.0 if len(found) > round(8.0 / COLUMN_SECONDS) else found[chance]
        return found

    monkeypatch.setattr(segments, "local_statistics", with_chance)
    (only,) = detect(sound, [KEY], speeds=NARROW_SEARCH).segments
    assert only.start_s == pytest.approx(4.0, abs=1.1) and only.end_s > 8.0
