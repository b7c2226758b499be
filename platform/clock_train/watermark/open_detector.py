"""The detector for everyone: bounded in size, length and requests, with answers that are of no use for removing marks.

An exact detector that anybody may ask as often as they like is a tool for taking marks out: change the sound a little,
ask, go on where the p-value rose. So the answer knows three steps only, times are rounded, a client has a few requests
a minute, and who, when and under which consent is left to those who may read the log.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.audio.reading import read_blocks
from clock_train.errors import AudioError, DetectorRefused
from clock_train.watermark.detect import Detection, detect
from clock_train.watermark.framing import RATE_HZ
from clock_train.watermark.keys import TenantKeys
from clock_train.watermark.pattern import QuarterKey

STEPS = ((-12.0, "less than one in a trillion"), (-6.0, "less than one in a million"))
"""log10 of the p-value and what is said of it; above the last one there is no mark."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ROUND_SECONDS = 0.5
MOST_CLIENTS = 10_000
"""Whose requests are remembered; the longest silent are forgotten."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request, and one client, may ask for."""

    max_bytes: int = 20 << 20
    max_seconds: float = 300.0
    requests_a_minute: int = 6
    wait_s: float = 60.0
    """For the detections before this one; one is done at a time."""


class OpenDetector:
    """Answers anybody, within limits.

    Args:
        tenants: whose marks are looked for.
        limits: of a request.
        today: by which keys are chosen.
        clock: seconds, for the request limit.
    """

    def __init__(
        self,
        tenants: Sequence[TenantKeys],
        *,
        today: Callable[[], date],
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self._tenants, self._today, self._clock = tenants, today, clock
        self._asked: dict[str, list[float]] = {}
        self._asking, self._detecting = threading.Lock(), threading.Lock()

    def answer(self, content: bytes, *, client: str, name: str = "sound") -> dict[str, Any]:
        """Look for marks in the bytes of a file.

        Args:
            content: of a sound file of any kind.
            client: whose requests are counted together, such as an address.
            name: of the file; only its extension is used.
        Raises:
            DetectorRefused: too large, too long, too many, or too busy.
            AudioError: it is no sound.
        """
        self.admit(client, len(content))
        if not self._detecting.acquire(timeout=self.limits.wait_s):
            raise DetectorRefused("others are being answered; try again in a minute")
        try:
            return self.told(self.looked(content, name))
        finally:
            self._detecting.release()

    def admit(self, client: str, size_bytes: int) -> None:
        """Count a request.

        Raises:
            DetectorRefused: too large, or too many of this client.
        """
        self._count(client)
        self.refuse_size(size_bytes)

    def looked(self, content: bytes, name: str) -> Detection:
        """What is found, exactly; for those who may read the log.

        Raises:
            DetectorRefused: too long.
            AudioError: it is no sound.
        """
        return detect(self._read(content, Path(name).suffix[:8]), list(self._families()))

    def told(self, found: Detection) -> dict[str, Any]:
        """What anybody may know of it."""
        names = {(key.key_id, key.quarter): family for key, family in self._families().items()}
        return {
            "marked": found.is_detected,
            "chance": next((words for level, words in STEPS if found.log10_p <= level), None),
            "seconds": round(found.seconds, 1),
            "enoughSound": found.has_enough_sound,
            "segments": [
                {
                    "start": _rounded(each.start_s),
                    "end": min(_rounded(each.end_s + ROUND_SECONDS / 2), round(found.seconds, 1)),
                    "family": names[each.key_id, each.quarter],
                }
                for each in found.segments
            ],
        }

    def page(self) -> str:
        """The page where a person drops a file; NONCE in it is for its policy."""
        words = f"{self.limits.max_bytes >> 20} MB and {self.limits.max_seconds / 60:.0f} minutes"
        return Path(__file__).with_name("detector_page.html").read_text(encoding="utf-8").replace("LIMITS", words)

    def _families(self) -> dict[QuarterKey, str]:
        return {key: tenant.tenant for tenant in self._tenants for key in tenant.detection_keys(self._today())}

    def refuse_size(self, size_bytes: int) -> None:
        """Raise ``DetectorRefused`` for a file that is too large, before it is read."""
        if size_bytes > self.limits.max_bytes:
            raise DetectorRefused(
                f"the file has {size_bytes / 1e6:.0f} MB, and {self.limits.max_bytes / 1e6:.0f} MB are taken. Send a "
                'shorter piece, or run "clocktrain watermark detect", which has no limit'
            )

    def _count(self, client: str) -> None:
        with self._asking:
            now = self._clock()
            recent = [at for at in self._asked.pop(client, []) if now - at < 60.0]
            while len(self._asked) >= MOST_CLIENTS:
                del self._asked[next(iter(self._asked))]
            self._asked[client] = recent
            if len(recent) >= self.limits.requests_a_minute:
                raise DetectorRefused(
                    f"{len(recent)} requests came within a minute; wait {60.0 - (now - recent[0]):.0f} s"
                )
            recent.append(now)

    def _read(self, content: bytes, suffix: str) -> np.ndarray:
        with tempfile.TemporaryDirectory(prefix="clocktrain-detector-") as folder:
            path = Path(folder) / f"sound{suffix if suffix[1:].isalnum() else ''}"
            path.write_bytes(content)
            try:
                return self._decoded(path)
            except AudioError as error:
                message = str(error.args[0]).replace(str(path), "The file")  # our copy's name says nothing to anybody
                raise type(error)(message) from error

    def _decoded(self, path: Path) -> np.ndarray:
        blocks, seconds = [], 0.0
        for block in read_blocks(path, sample_rate_hz=RATE_HZ, block_seconds=10.0):
            blocks.append(block)
            seconds += len(block) / RATE_HZ
            if seconds > self.limits.max_seconds:
                raise DetectorRefused(f"the sound is longer than {self.limits.max_seconds:.0f} s; send a shorter piece")
        return np.concatenate(blocks)


def _rounded(seconds: float) -> float:
    return round(round(seconds / ROUND_SECONDS) * ROUND_SECONDS, 1)
