"""The secret pattern of signs, a grid of 3,840 columns by 54 rows, and the bits of a payload written into it.

Half of the cells are sync (presence), three sixteenths the header (voice and day), the rest the body (tenant, consent
and a tag). Sync and header stand under the tenant's key of the quarter, so that a detector needs to know
neither voice nor day; the body stands under a key of that voice on that day, which the detector derives from the
header. The tag is 20 bits of HMAC over the payload under a third key: who has learnt signs from marked sound can replay
a payload, not write a new one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from clock_train.watermark.coding import RATE, bits_of, encode, number_of
from clock_train.watermark.framing import NUM_COLUMNS, NUM_ROWS, PERIOD_COLUMNS
from clock_train.watermark.payload import CONSENT_BITS, DAY_BITS, TENANT_BITS, VOICE_BITS, Payload

HEADER_BITS = VOICE_BITS + DAY_BITS
TAG_BITS = 20
"""A wrong word passes once in a million tries."""
BODY_BITS = TENANT_BITS + CONSENT_BITS + TAG_BITS
SYNC, HEADER, BODY = 0, 1, 2
# one sixteen: eight sync, three header, five body, so that every coded bit gets as many cells
TILE = np.array([int(role) for role in "0102010202010202"], dtype=np.int8)
ROLES = TILE[(np.arange(NUM_COLUMNS)[:, None] + 3 * np.arange(NUM_ROWS)) % len(TILE)]
"""(columns, rows); public, as the whole scheme is except for the keys."""
SYNC_SHARE = float((ROLES == SYNC).mean())


@dataclass(frozen=True)
class QuarterKey:
    """What finds a tenant's marks of one quarter."""

    key_id: str
    quarter: str
    """Such as 2026Q4."""
    secret: bytes = b""

    def __repr__(self) -> str:
        return f"QuarterKey({self.key_id}, {self.quarter})"


def derive(secret: bytes, label: str) -> bytes:
    """A key of its own for each use."""
    return hmac.new(secret, f"clocktrain watermark 1: {label}".encode(), hashlib.sha256).digest()


def signs(key: bytes) -> np.ndarray:
    """(columns, rows) float32 of ±1: SHAKE-256 of a derived key."""
    stream = hashlib.shake_256(key).digest(NUM_COLUMNS * NUM_ROWS // 8)
    bits = np.unpackbits(np.frombuffer(stream, dtype=np.uint8)).reshape(NUM_COLUMNS, NUM_ROWS)
    return bits.astype(np.float32) * 2 - 1


def bit_places(key: bytes, role: int, num_coded: int) -> np.ndarray:
    """(period columns, rows) int16: which coded bit a cell carries, -1 where it has another role."""
    places = np.full((PERIOD_COLUMNS, NUM_ROWS), -1, dtype=np.int16)
    chosen = np.flatnonzero(ROLES[:PERIOD_COLUMNS] == role)
    stream = hashlib.shake_256(key + b" places").digest(8 * len(chosen))
    order = np.argsort(np.frombuffer(stream, dtype=np.uint64), kind="stable")
    places.reshape(-1)[chosen[order]] = np.arange(len(chosen)) % num_coded
    return places


def header_key(quarter: QuarterKey) -> bytes:
    """Of sync and header alike."""
    return derive(quarter.secret, f"sync {quarter.quarter}")


def body_key(quarter: QuarterKey, voice: int, day: int) -> bytes:
    """Of one voice on one day."""
    return derive(quarter.secret, f"body {voice} {day}")


def tag_of(quarter: QuarterKey, payload: Payload) -> int:
    """The authentication of a payload."""
    key = derive(quarter.secret, f"tag {payload.voice} {payload.day}")
    digest = hmac.new(key, payload.hex.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - TAG_BITS)


@lru_cache(maxsize=64)
def marked_signs(quarter: QuarterKey, payload: Payload) -> np.ndarray:
    """What is embedded: (columns, rows) float32 of ±1, with the payload in it."""
    shared = header_key(quarter)
    own = body_key(quarter, payload.voice, payload.day)
    header = encode(bits_of(payload.voice << DAY_BITS | payload.day, HEADER_BITS))
    words = payload.tenant << CONSENT_BITS | payload.consent
    body = encode(bits_of(words << TAG_BITS | tag_of(quarter, payload), BODY_BITS))
    turns = (NUM_COLUMNS // PERIOD_COLUMNS, 1)
    grid = signs(shared)
    header_places = bit_places(shared, HEADER, RATE * HEADER_BITS)
    body_places = bit_places(own, BODY, RATE * BODY_BITS)
    grid *= np.tile(np.where(header_places >= 0, header[header_places], np.float32(1)), turns)
    bodies = signs(own) * np.tile(np.where(body_places >= 0, body[body_places], np.float32(1)), turns)
    grid = np.where(ROLES == BODY, bodies, grid)
    grid.flags.writeable = False
    return grid


def read_header(bits: np.ndarray) -> tuple[int, int]:
    """(voice, day) of decoded header bits."""
    value = number_of(bits)
    return value >> DAY_BITS, value & (1 << DAY_BITS) - 1


def read_body(quarter: QuarterKey, voice: int, day: int, bits: np.ndarray) -> Payload | None:
    """The payload of decoded body bits, or None where its tag is wrong."""
    value = number_of(bits)
    words, tag = value >> TAG_BITS, value & (1 << TAG_BITS) - 1
    payload = Payload(tenant=words >> CONSENT_BITS, voice=voice, consent=words & (1 << CONSENT_BITS) - 1, day=day)
    return payload if tag_of(quarter, payload) == tag else None
