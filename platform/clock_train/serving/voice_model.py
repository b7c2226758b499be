"""What a voice's Triton model takes and gives; the writer, the backend and clients agree on it here.

No strings and no numpy cross the boundary: text is UINT8, samples leave by DLPack, so one repository runs on servers of
either numpy. A request is a whole text: ``text`` to be read by the backend, or ``phones`` of its sentences, read
before: a server reads once for all its voices, whose processes then hold no dictionaries (23 MB of English each, 80 of
Mandarin). One without ``payload`` and ``key_id`` is logged and marked by the backend, so nothing leaves unmarked.
"""

from __future__ import annotations

import hashlib
import re
from enum import IntEnum
from typing import NamedTuple

from clock_train.bundle.card import VoiceCard


class Port(NamedTuple):
    """One input or output."""

    kind: str
    """Triton's name of the type."""
    dims: tuple[int, ...]
    """-1 is any."""


LEAVE = "leave"
INPUTS = {
    "text": Port("UINT8", (-1,)),  # UTF-8
    "language": Port("UINT8", (-1,)),  # as phonemize takes it; "auto"
    "phones": Port("INT64", (3, -1)),  # token_ids of all sentences, one after the other
    "sentence_lengths": Port("INT64", (-1,)),  # phones of each
    "labels": Port("INT64", (-1, 2)),  # style and emotion of each sentence
    "pauses": Port("FP32", (-1,)),  # seconds of silence before each sentence; NaN: as if not said
    "speeds": Port("FP32", (-1,)),  # of each sentence, times the request's
    "timings": Port("INT64", (1,)),  # of Timings: when the durations of the phones are told
    "speaker": Port("UINT8", (-1,)),
    "speed": Port("FP32", (1,)),
    "noise_scale": Port("FP32", (1,)),
    "seed": Port("INT64", (1,)),
    "payload": Port("UINT8", (-1,)),  # of the mark: twelve hexadecimal digits
    "key_id": Port("UINT8", (-1,)),  # of the installation's secret that marks it
    "request_id": Port("UINT8", (-1,)),  # of the log's line, and where the mark begins; else made of the request
    LEAVE: Port("UINT8", (-1,)),  # Triton's id of a request that is to end; alone, and answered with nothing
}
"""All optional, but one of ``text``, ``phones`` and ``leave``."""
AUDIO = "audio"
DURATIONS = "durations"
OUTPUTS = {AUDIO: Port("FP32", (-1,)), DURATIONS: Port("INT64", (-1,))}
"""A chunk of samples in [-1, 1]; joined, the chunks are the sound. Its rate and the samples of a frame are parameters
of the model. Durations, in frames of each phone, come in responses of their own, and where they are asked for only."""


class Timings(IntEnum):
    """When the durations of the phones are told."""

    NEVER = 0
    EACH = 1
    """Those of a sentence before its first samples."""
    AHEAD = 2
    """Those of all sentences before any samples: how long the sound is, is known before it is spoken."""


MAX_SENTENCE_PHONES = 4_000
"""A sentence of 400 letters has about as many phones; what its latents take grows with them."""
MAX_PHONES = 60_000
"""Of one request: about an hour."""
MAX_PAUSE_S, MAX_PAUSES_S = 10.0, 60.0
"""Before one sentence, and in one request."""
_SAFE = re.compile(r"[A-Za-z0-9_-]+")


def model_name(card: VoiceCard) -> str:
    """Of the Triton model of one version of a voice: ``anna-v3``; other letters than ASCII's become a short hash."""
    name = card.name
    if not _SAFE.fullmatch(name):
        kept = "".join(_SAFE.findall(name))
        name = f"{kept or 'voice'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}-v{card.version}"
