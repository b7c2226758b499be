"""Sentence styles and emotions, and their numbers in the condition. No torch: a served voice needs them too."""

from __future__ import annotations

STYLES = ("", "statement", "question", "exclamation")
"""Sentence kinds of the manifest; the first is "not said"."""
EMOTIONS = ("", "neutral", "happy", "sad", "angry", "fearful", "surprised", "disgusted", "tender", "other")
"""Emotion labels of the manifest; the first is "not said"."""


def label_ids(style: str, emotion: str | None) -> tuple[int, int]:
    """Ids of a manifest's labels; an emotion that is not in the table counts as "other"."""
    style_id = STYLES.index(style) if style in STYLES else 0
    if not emotion:
        return style_id, 0
    known = emotion.strip().lower()
    return style_id, EMOTIONS.index(known) if known in EMOTIONS else EMOTIONS.index("other")
