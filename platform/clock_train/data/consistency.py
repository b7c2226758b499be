"""What only a comparison of clips shows: texts that do not fit their sound, duplicates, other voices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clock_train.data.line_matching import ONSET_PHONES
from clock_train.data.manifest import Clip
from clock_train.data.voices import find_split
from clock_train.errors import SpeakersMixed

MIN_PHONES = 8
"""Shorter texts are spoken at any pace."""
FASTEST, SLOWEST = 0.5, 2.0
"""Speech time over the time expected at the speaker's own pace, outside of which the text is another one's."""
ESTIMATED_LENIENCE = 1.4
"""How much wider the same limits are where phones could only be estimated from letters."""
MIN_PACE_CLIPS = 10
DEFAULT_SECONDS_PER_PHONE = 0.08
SAME_RECORDING = 0.985
"""Correlation of two mel pictures; two readings of one sentence by one person stay below 0.9 (measured on Debian's)."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A clip and what comparing needs of it."""

    clip: Clip
    num_phones: float = 0.0
    is_estimated: bool = False
    speech_s: float = 0.0
    print: np.ndarray | None = None
    timbre: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What comparing found."""

    reasons: dict[str, list[str]] = field(default_factory=dict)
    """Clip id → codes that reject it."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """``{code, message, clips}``: what a person should listen to."""


def compare(drafts: list[Draft]) -> Comparison:
    """Compare accepted clips, each speaker by itself."""
    reasons: dict[str, list[str]] = defaultdict(list)
    warnings: list[dict[str, Any]] = []
    by_speaker: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.clip.is_accepted:
            by_speaker[draft.clip.speaker].append(draft)
    for speaker, own in by_speaker.items():
        for clip_id, code in _unlikely_texts(own):
            reasons[clip_id].append(code)
        # A wrong text must not take the right clip of the same recording down with it.
        for clip_id, code in _duplicates([draft for draft in own if draft.clip.id not in reasons]):
            reasons[clip_id].append(code)
        warnings += _mixed_voices(speaker, [draft for draft in own if draft.clip.id not in reasons])
    return Comparison(reasons=dict(reasons), warnings=warnings)


def seconds_per_phone(drafts: Sequence[Draft]) -> float | None:
    """The speaker's own pace: the median over clips of some length; None with too few of them."""
    ratios = [
        draft.speech_s / (draft.num_phones + ONSET_PHONES)
        for draft in drafts
        if draft.num_phones >= MIN_PHONES and draft.clip.is_accepted
    ]
    return float(np.median(ratios)) if len(ratios) >= MIN_PACE_CLIPS else None


def _unlikely_texts(drafts: list[Draft]) -> list[tuple[str, str]]:
    pace = seconds_per_phone(drafts) or DEFAULT_SECONDS_PER_PHONE
    found = []
    for draft in drafts:
        ratio = draft.speech_s / (pace * (draft.num_phones + ONSET_PHONES))
        lenience = ESTIMATED_LENIENCE if draft.is_estimated else 1.0
        if ratio < FASTEST / lenience and draft.num_phones >= MIN_PHONES:
            found.append((draft.clip.id, "TranscriptTooLong"))
        if ratio > SLOWEST * lenience and (draft.num_phones >= MIN_PHONES or draft.speech_s > 3.0):
            found.append((draft.clip.id, "TranscriptTooShort"))
    return found


def _duplicates(drafts: list[Draft]) -> list[tuple[str, str]]:
    """Near-identical sound: with the same text all but the best clip go, with different texts all of them."""
    known = [draft for draft in drafts if draft.print is not None]
    if len(known) < 2:
        return []
    prints = np.stack([np.ravel(draft.print) for draft in known if draft.print is not None])
    found: dict[str, str] = {}
    order = np.argsort([draft.clip.seconds for draft in known])
    for position, i in enumerate(order):
        # Only neighbours in length can be the same recording; so this stays far from quadratic.
        for j in order[position + 1 :]:
            first, second = known[i].clip, known[j].clip
            if second.seconds > 1.02 * first.seconds + 0.03:
                break
            if float(prints[i] @ prints[j]) < SAME_RECORDING:
                continue
            if _plain(first.text) == _plain(second.text):
                worse = min((first, second), key=lambda clip: (clip.quality.snr_db or 0.0, clip.id))
                found[worse.id] = "Duplicate"
            else:
                found.setdefault(first.id, "TextConflict")
                found.setdefault(second.id, "TextConflict")
    return list(found.items())


def _mixed_voices(speaker: str, drafts: list[Draft]) -> list[dict[str, Any]]:
    known = [draft for draft in drafts if draft.timbre is not None]
    split = find_split(
        [draft.timbre for draft in known if draft.timbre is not None],
        [draft.clip.quality.f0_median_hz for draft in known],
        [draft.clip.seconds for draft in known],
    )
    if split is None:
        return []
    clips = [known[i].clip.id for i in split.smaller]
    return [
        {
            "code": SpeakersMixed.__name__,
            "message": (
                f'"{speaker}" sounds like two: {len(clips)} clips stand apart (by {split.separation:.1f} widths). '
                "Listen to them: another speaker must go or get an own name; the "
                "same person at another microphone or in another room may stay"
            ),
            "clips": clips,
        }
    ]


def _plain(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())
