"""What a corpus holds in all, which tier it reaches, and what to record more of."""

from __future__ import annotations

from typing import Any

from clock_train.data.manifest import Clip


def summarise(clips: list[Clip]) -> dict[str, Any]:
    """The figures of ``quality.json``."""
    accepted = [clip for clip in clips if clip.is_accepted]
    return {"seconds_accepted": round(sum(clip.seconds for clip in accepted), 1), "clips_accepted": len(accepted)}
