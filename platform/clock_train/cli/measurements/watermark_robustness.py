"""The robustness table: one row an attack, with a Wilson interval, the payload and the target."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from clock_train.audio.resampling import resample
from clock_train.cli.measurements import sound_attacks as attacks
from clock_train.cli.measurements.audibility import noise_to_mask, pesq_wideband, snr_db
from clock_train.cli.measurements.watermark_clips import clips
from clock_train.compliance.wilson import wilson_interval
from clock_train.evaluation.targets import Figure
from clock_train.watermark.detect import FULL_SEARCH, NARROW_SEARCH, detect
from clock_train.watermark.embed import embed
from clock_train.watermark.keys import TenantKeys, new_keys
from clock_train.watermark.payload import Payload, day_number

DAY = date(2026, 6, 1)
NO_PESQ = "not available: pip install pesq (its build needs a C compiler)"
PAIR_KEYS = 10
"""Keys that each clip is marked and looked for with in the row of pairs, where only the own speed is searched."""


@dataclass(frozen=True)
class Trial:
    """An attack with its targets, per cent."""

    title: str
    attack: attacks.Attack | None
    """None: the clip's own (a second key, another speaker)."""
    least_found: float
    least_exact: float | None = None


TRIALS = {
    "clean": Trial("clean", lambda x, rng: x, 99.9),
    "mp3_64k": Trial("MP3 64 kbit/s", attacks.mp3(64), 99, 98),
    "aac_64k": Trial("AAC 64 kbit/s", attacks.aac(64), 99, 98),
    "resample_8k": Trial("8 kHz and back", attacks.resampled(8000), 99),
    "g711": Trial("G.711 mu-law", attacks.g711, 99),
    "gain_minus12": Trial("gain -12 dB", attacks.gain(-12), 99),
    "gain_plus6": Trial("gain +6 dB, clipped", attacks.gain(6), 99),
    "noise_20db": Trial("white noise 20 dB", attacks.noise(20), 98),
    "crop_3s": Trial("3 s of it", attacks.crop(3), 98),
    "speed_plus5": Trial("speed +5 %", attacks.speed(1.05), 98),
    "speed_minus5": Trial("speed -5 %", attacks.speed(0.95), 98),
    "speed_random": Trial("speed within ±5 %", attacks.speed(), 98),
    "stretch_plus5": Trial("tempo +5 %", attacks.stretch(1.05), 98),
    "stretch_minus5": Trial("tempo -5 %", attacks.stretch(0.95), 98),
    "low_pass_4k": Trial("low-pass 4 kHz", attacks.low_pass(4000), 98),
    "second_mark": Trial("second mark, other key", None, 98),
    "opus_16k": Trial("Opus 16 kbit/s", attacks.opus(16), 95),
    "telephone": Trial("telephone call", attacks.telephone, 95),
    "reverberation": Trial("room, 0.3 s", attacks.reverberation, 95),
    "mp3_32k": Trial("MP3 32 kbit/s", attacks.mp3(32), 95),
    "noise_15db": Trial("white noise 15 dB", attacks.noise(15), 85),
    "reordered": Trial("pieces reordered", attacks.reordered, 85),
    "mixed": Trial("3 s in other speech", None, 85),
    "crop_1s": Trial("1 s of it", attacks.crop(1), 80),
    "marked_at_24k": Trial("marked at 24 kHz, MP3", None, 99),
}


@dataclass(kw_only=True)
class ClipResult:
    """What one clip gave."""

    language: str
    found: dict[str, bool] = field(default_factory=dict)
    exact: dict[str, bool] = field(default_factory=dict)
    wrong: int = 0
    pairs_found: int = 0
    num_pairs: int = 0
    log10_p: dict[str, float] = field(default_factory=dict)
    snr_db: float = 0.0
    pesq: float | None = None
    high_snr_db: float = 0.0
    """Of the sound that was marked at 24 kHz; the next one of it at 16 kHz, which PESQ hears."""
    high_pesq: float | None = None
    noise_to_mask_db: float = 0.0
    disturbed_share: float = 0.0


def robustness(
    num_clips: int, *, workers: int, pair_keys: int = PAIR_KEYS, progress: Callable[[float], None] = lambda share: None
) -> list[ClipResult]:
    """Every attack on every clip.

    Args:
        num_clips: how many; a rate of n clips is known to about 3 / n where none is missed.
        workers: processes.
        pair_keys: keys a clip in the row of pairs.
        progress: called with the share that is done.
    """
    chosen = clips(num_clips)
    others = [chosen[(n + len(chosen) // 2) % len(chosen)][1] for n in range(len(chosen))]
    jobs = [(n, language, clip, others[n], pair_keys) for n, (language, clip) in enumerate(chosen)]
    if workers <= 1:
        return [_reported(_try_clip(job), n, len(jobs), progress) for n, job in enumerate(jobs)]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(workers) as pool:
        return [_reported(done, n, len(jobs), progress) for n, done in enumerate(pool.map(_try_clip, jobs))]


def audibility(num_clips: int, *, progress: Callable[[float], None] = lambda share: None) -> list[ClipResult]:
    """What marking alone does to each clip, at 16 and at 24 kHz; seconds a clip instead of half a minute."""
    results = []
    for n, (language, clip) in enumerate(clips(num_clips)):
        keys = new_keys("tenant", DAY)
        payload = _payload(keys, np.random.default_rng(n))
        result = ClipResult(language=language)
        _hear(result, clip, embed(clip, 16_000, keys.embedding_key(DAY), payload, request_id=f"{n}")[0])
        _mark_high(result, n, clip, keys, payload)
        results.append(_reported(result, n, num_clips, progress))
    return results


def _reported(done: ClipResult, n: int, total: int, progress: Callable[[float], None]) -> ClipResult:
    progress((n + 1) / total)
    return done


def _try_clip(job: tuple[int, str, np.ndarray, np.ndarray, int]) -> ClipResult:
    n, language, clip, other, pair_keys = job
    rng = np.random.default_rng(n)
    keys = [new_keys(f"tenant {k}", DAY) for k in range(max(2, pair_keys))]
    result = ClipResult(language=language)
    payload = _payload(keys[0], rng)
    marked, _ = embed(clip, 16_000, keys[0].embedding_key(DAY), payload, request_id=f"{n}")
    _hear(result, clip, marked)
    for name, trial in TRIALS.items():
        if name == "second_mark":
            second = keys[1].embedding_key(DAY)
            sound = embed(marked, 16_000, second, _payload(keys[1], rng), request_id=f"second {n}")[0]
        elif name == "mixed":
            sound = attacks.mixed_with(other)(marked, rng)
        elif name == "marked_at_24k":
            sound = attacks.mp3(64)(_mark_high(result, n, clip, keys[0], payload), rng)
        else:
            assert trial.attack is not None
            sound = trial.attack(marked, rng)
        found = detect(sound, keys[0].detection_keys(DAY), speeds=FULL_SEARCH)
        read = {segment.payload for segment in found.segments} - {None}
        result.found[name], result.log10_p[name] = found.is_detected, found.log10_p
        result.exact[name] = payload in read
        result.wrong += len(read - {payload})
    for k in range(pair_keys):
        own = keys[k]
        sound, _ = embed(clip, 16_000, own.embedding_key(DAY), _payload(own, rng), request_id=f"pair {n} {k}")
        result.pairs_found += detect(
            sound, own.detection_keys(DAY), speeds=NARROW_SEARCH, with_windows=False
        ).is_detected
        result.num_pairs += 1
    return result


def _hear(result: ClipResult, clip: np.ndarray, marked: np.ndarray) -> None:
    result.snr_db, result.pesq = snr_db(clip, marked), pesq_wideband(clip, marked)
    result.noise_to_mask_db, result.disturbed_share = noise_to_mask(clip, marked)


def _mark_high(result: ClipResult, n: int, clip: np.ndarray, keys: TenantKeys, payload: Payload) -> np.ndarray:
    """The clip marked at 24 kHz, as 16 kHz."""
    plain = resample(clip, 16_000, 24_000)
    high, _ = embed(plain, 24_000, keys.embedding_key(DAY), payload, request_id=f"24k {n}")
    heard = resample(high, 24_000, 16_000)
    result.high_snr_db = snr_db(plain, high)
    result.high_pesq = pesq_wideband(resample(plain, 24_000, 16_000), heard)
    return heard


def _payload(keys: TenantKeys, rng: np.random.Generator) -> Payload:
    return Payload(
        tenant=keys.tenant_number, voice=int(rng.integers(4096)), consent=int(rng.integers(4096)), day=day_number(DAY)
    )


def rows(results: Sequence[ClipResult]) -> Iterator[Figure]:
    """The table."""
    count = len(results)
    for name, trial in TRIALS.items():
        num_found = sum(result.found[name] for result in results)
        worst = max(result.log10_p[name] for result in results)
        exact = sum(result.exact[name] for result in results)
        note = f"{num_found} of {count}, {interval(num_found, count)}; payload {100 * exact / count:.1f} %; "
        yield _percent(trial.title, num_found, count, trial.least_found, note + f"weakest log10 p {worst:.1f}")
    for name in ("mp3_64k", "aac_64k"):
        exact = sum(result.exact[name] for result in results)
        wanted = TRIALS[name].least_exact
        yield _percent(
            f"payload exact, {TRIALS[name].title}",
            exact,
            count,
            wanted,
            f"{exact} of {count}, {interval(exact, count)}",
        )
    pairs, num_pairs = sum(result.pairs_found for result in results), sum(result.num_pairs for result in results)
    if num_pairs:
        note = f"{pairs} of {num_pairs}, {interval(pairs, num_pairs)}; own speed only"
        yield _percent("clean, pairs of clip and key", pairs, num_pairs, 99.9, note)
    wrong, tries = sum(result.wrong for result in results), count * len(TRIALS)
    yield Figure(
        title="wrong payload, all attacks",
        measured=100 * wrong / tries,
        unit="%",
        at_most=0.1,
        note=f"{wrong} of {tries}, {interval(wrong, tries)}",
    )
    yield from audibility_rows(results)


def audibility_rows(results: Sequence[ClipResult]) -> Iterator[Figure]:
    """What can be heard of the mark, by language and at 24 kHz."""
    groups = {"": results}
    groups |= {
        f", {name}": [r for r in results if r.language == name] for name in sorted({r.language for r in results})
    }
    for suffix, group in groups.items():
        scores = [result.pesq for result in group if result.pesq is not None]
        missing = "" if scores else NO_PESQ
        mean, lowest = (float(np.mean(scores)), min(scores)) if scores else (None, None)
        yield Figure(title=f"PESQ, mean{suffix}", measured=mean, at_least=4.45, note=missing or f"{len(scores)} clips")
        yield Figure(title=f"PESQ, lowest{suffix}", measured=lowest, at_least=4.3, note=missing)
        ratios = [result.snr_db for result in group]
        note = f"lowest {min(ratios):.1f}, {len(ratios)} clips"
        yield Figure(title=f"SNR, mean{suffix}", measured=float(np.mean(ratios)), unit="dB", at_least=28, note=note)
    scores = [result.high_pesq for result in results if result.high_pesq is not None]
    missing = "" if scores else NO_PESQ
    mean, lowest = (float(np.mean(scores)), min(scores)) if scores else (None, None)
    yield Figure(title="PESQ, mean, at 24 kHz", measured=mean, at_least=4.45, note=missing or f"{len(scores)} clips")
    yield Figure(title="PESQ, lowest, at 24 kHz", measured=lowest, at_least=4.3, note=missing)
    ratios = [result.high_snr_db for result in results]
    note = f"lowest {min(ratios):.1f}, {len(ratios)} clips"
    yield Figure(title="SNR, mean, at 24 kHz", measured=float(np.mean(ratios)), unit="dB", at_least=28, note=note)
    masked = float(np.mean([result.noise_to_mask_db for result in results]))
    disturbed = 100 * float(np.mean([result.disturbed_share for result in results]))
    note = "0 dB is the edge of audibility by BS.1387's mask"
    yield Figure(title="noise to mask, mean", measured=masked, unit="dB", at_most=0.0, note=note)
    yield Figure(title="frames disturbed", measured=disturbed, unit="%", note="a band more than 1.5 dB above the mask")


def _percent(title: str, hits: int, count: int, at_least: float | None, note: str) -> Figure:
    return Figure(title=title, measured=100 * hits / count, unit="%", at_least=at_least, note=note)


def interval(hits: int, count: int) -> str:
    """The 95 % Wilson interval in words; where nothing or everything was hit, it says what so many trials can show."""
    low, high = wilson_interval(hits, count, z=1.96)
    return f"{100 * low:.2f} to {100 * high:.2f} %"
