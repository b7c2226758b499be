"""Asking the cluster's Triton, as a program of the voice team does."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import soundfile

from clock_train.watermark.detect import NARROW_SEARCH, detect
from clock_train.watermark.keys import read_keys

LIMIT_S = 120


def voices_of(address: str, key: str) -> list[str]:
    """Names of what is served."""
    asked = urllib.request.Request(f"{address}/v1/audio/voices", headers={"authorization": f"Bearer {key}"})
    with urllib.request.urlopen(asked, timeout=LIMIT_S) as reply:
        return [voice["id"] for voice in json.load(reply)["voices"]]


def spoken(address: str, voice: str, text: str, key: str) -> tuple[np.ndarray, int]:
    """(N,) float32, and its rate."""
    with urllib.request.urlopen(_request(address, voice, text, key), timeout=LIMIT_S) as reply:
        waveform, rate_hz = soundfile.read(io.BytesIO(reply.read()), dtype="float32")
    return waveform, rate_hz


def answer_to(address: str, voice: str, text: str, key: str = "") -> int:
    """The status of an answer, whatever it is."""
    try:
        with urllib.request.urlopen(_request(address, voice, text, key), timeout=LIMIT_S) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def _request(address: str, voice: str, text: str, key: str) -> urllib.request.Request:
    body = json.dumps({"model": "clocktrain", "voice": voice, "input": text, "response_format": "wav"}).encode()
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    return urllib.request.Request(f"{address}/v1/audio/speech", body, headers)


def is_marked(waveform: np.ndarray, keys: Path) -> bool:
    """Whether the mark of these keys is found in it."""
    found = read_keys(keys / "watermark-key.json").detection_keys(datetime.now(UTC).date())
    return detect(waveform, found, speeds=NARROW_SEARCH).is_detected
