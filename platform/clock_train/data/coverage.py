"""What a corpus holds in all, which tier of the article it reaches, and what to record more of.

The article: 10-30 minutes make a basic voice, two hours or more a professional one; statements, questions and
exclamations at different paces, tones and moods.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from clock_train.data.manifest import Clip
from clock_train.data.reasons import REASONS

SCHEMA_VERSION = 1
BASIC_SECONDS = 10 * 60.0
PROFESSIONAL_SECONDS = 2 * 3600.0
BELOW_BASIC, BASIC, PROFESSIONAL = "below basic", "basic", "professional"

MIN_STYLE_SHARE = {"statement": 0.3, "question": 0.08, "exclamation": 0.04}
"""Of the clips; below it a model hears too few to learn the melody. Prompts of `corpus record` keep them."""
MIN_RATE_SPREAD = 1.3
"""90th over 10th percentile of phones per second, longer clips only."""
MIN_PITCH_SPREAD_SEMITONES = 4.0
"""Median over clips of each clip's own 10th-to-90th percentile range; monotone reading lies below."""
MIN_RATE_SECONDS = 2.0
"""A single word has no pace of its own."""


def tier_of(seconds: float) -> str:
    """The article's tier for so much usable speech; between 30 minutes and 2 hours it is still basic."""
    return PROFESSIONAL if seconds >= PROFESSIONAL_SECONDS else BASIC if seconds >= BASIC_SECONDS else BELOW_BASIC


def summarise(clips: list[Clip]) -> dict[str, Any]:
    """The figures of ``quality.json``: totals, each speaker by itself, and counts of reasons."""
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_speaker[clip.speaker].append(clip)
    speakers = {name: _speaker(own) for name, own in sorted(by_speaker.items())}
    accepted = [clip for clip in clips if clip.is_accepted]
    reasons = Counter(reason for clip in clips for reason in clip.reasons)
    seconds = sum(clip.seconds for clip in accepted)
    tiers = [each["tier"] for each in speakers.values()]
    return {
        "schema_version": SCHEMA_VERSION,
        # A corpus of many speakers is for pretraining: it is as good as all of it together.
        "tier": tiers[0] if len(tiers) == 1 else tier_of(seconds),
        "seconds_accepted": round(seconds, 1),
        "seconds_rejected": round(sum(clip.seconds for clip in clips if not clip.is_accepted), 1),
        "clips_accepted": len(accepted),
        "clips_rejected": len(clips) - len(accepted),
        "reasons": {code: {"clips": count, "what": REASONS[code]} for code, count in reasons.most_common()},
        "speakers": speakers,
    }


def _speaker(clips: list[Clip]) -> dict[str, Any]:
    accepted = [clip for clip in clips if clip.is_accepted]
    seconds = sum(clip.seconds for clip in accepted)
    rates = [
        clip.quality.rate_phones_per_s
        for clip in accepted
        if clip.quality.rate_phones_per_s and clip.seconds >= MIN_RATE_SECONDS
    ]
    figures: dict[str, Any] = {
        "tier": tier_of(seconds),
        "seconds_accepted": round(seconds, 1),
        "clips_accepted": len(accepted),
        "clips_rejected": len(clips) - len(accepted),
        "styles": dict(Counter(clip.style for clip in accepted)),
        "emotions": dict(Counter(clip.emotion for clip in accepted if clip.emotion)),
        "rate_phones_per_s": _spread(rates),
        "f0_hz": _spread([clip.quality.f0_median_hz for clip in accepted]),
        "f0_spread_semitones": _spread([clip.quality.f0_spread_semitones for clip in accepted]),
        "snr_db": _spread([clip.quality.snr_db for clip in accepted]),
        "loudness_lufs": _spread([clip.quality.loudness_lufs for clip in accepted]),
        "seconds": _spread([clip.seconds for clip in accepted]),
    }
    return figures | {"advice": _advice(figures, clips)}


def _spread(values: list[Any]) -> dict[str, float] | None:
    numbers = [float(value) for value in values if value is not None]
    if not numbers:
        return None
    low, median, high = np.percentile(numbers, (10, 50, 90))
    return {"p10": round(float(low), 2), "median": round(float(median), 2), "p90": round(float(high), 2)}


def _advice(figures: dict[str, Any], clips: list[Clip]) -> list[str]:
    """Sentences for the person, the most important first."""
    advice = []
    seconds = figures["seconds_accepted"]
    if figures["tier"] == BELOW_BASIC:
        missing = (BASIC_SECONDS - seconds) / 60
        advice.append(f"Record about {missing:.0f} more minutes: a basic voice needs 10, there are {seconds / 60:.1f}.")
    elif figures["tier"] == BASIC:
        missing = (PROFESSIONAL_SECONDS - seconds) / 60
        advice.append(f"For a professional voice record about {missing:.0f} more minutes (two hours in all).")
    total = max(figures["clips_accepted"], 1)
    for style, least in MIN_STYLE_SHARE.items():
        share = figures["styles"].get(style, 0) / total
        if share < least:
            wanted = int(np.ceil((least * total - figures["styles"].get(style, 0)) / (1 - least)))
            advice.append(
                f"Record about {wanted} more {style}s: they are {share:.0%} of the clips, {least:.0%} is little."
            )
    rate = figures["rate_phones_per_s"]
    if rate and rate["p90"] < MIN_RATE_SPREAD * rate["p10"]:
        advice.append("Record some lines slower and some faster: all are read at nearly one pace.")
    pitch = figures["f0_spread_semitones"]
    if pitch and pitch["median"] < MIN_PITCH_SPREAD_SEMITONES:
        advice.append("Read livelier: the melody moves little within a sentence.")
    if not figures["emotions"]:
        advice.append('Emotion labels are missing: add an "emotion" column to the table if moods are to be trained.')
    lost = Counter(reason for clip in clips for reason in clip.reasons)
    for code, count in lost.most_common(3):
        if count >= max(3, 0.05 * len(clips)):
            advice.append(f"{count} clips were left out as {code}. {REASONS[code]}")
    return advice
