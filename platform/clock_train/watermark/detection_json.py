"""A detection as JSON, exactly: for scripts, and for those who may read the log."""

from __future__ import annotations

from typing import Any

from clock_train.watermark.detect import Detection


def as_plain(found: Detection) -> dict[str, Any]:
    """A detection for scripts."""
    return {
        "detected": found.is_detected,
        "p_value": found.p_value,
        "log10_p": round(found.log10_p, 2),
        "payload": found.payload.hex if found.payload else None,
        "seconds": round(found.seconds, 3),
        "sounding_seconds": round(found.sounding_seconds, 2),
        "enough_sound": found.has_enough_sound,
        "keys": found.num_keys,
        "looks": found.num_looks,
        "segments": [
            {
                "start": round(each.start_s, 2),
                "end": round(each.end_s, 2),
                "keyId": each.key_id,
                "quarter": each.quarter,
                "speed": each.speed,
                "pitch": each.pitch,
                "log10_p": round(each.log10_p, 2),
                "payload": each.payload.hex if each.payload else None,
                "fields": each.payload.as_plain() if each.payload else None,
            }
            for each in found.segments
        ],
    }
