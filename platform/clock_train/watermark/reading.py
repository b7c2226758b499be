"""Reading the payload at a place that the search found: right, or absent.

Header bits are summed over the whole find, decoded, and name voice and day; those name the key of the body. A payload
is given only where the body's 20-bit tag holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clock_train.watermark.coding import RATE, decode
from clock_train.watermark.framing import CELL_HOPS, NUM_COLUMNS, PERIOD_COLUMNS
from clock_train.watermark.pattern import (
    BODY,
    BODY_BITS,
    HEADER,
    HEADER_BITS,
    ROLES,
    SYNC,
    QuarterKey,
    bit_places,
    body_key,
    header_key,
    read_body,
    read_header,
    signs,
)
from clock_train.watermark.payload import Payload

LOCAL_COLUMNS = PERIOD_COLUMNS
"""2.05 s: over half of it presence is judged locally, to weigh pieces and to say where the mark is."""


@dataclass(frozen=True)
class Aligned:
    """Cells of a part of a sound with their place in the pattern known."""

    cells: np.ndarray
    """(columns, rows)."""
    columns: np.ndarray
    """(columns,): which column of the pattern each is."""


def align(cells: np.ndarray, offset_hops: int) -> Aligned:
    """Take the hops on which columns of the pattern begin.

    Args:
        cells: (hops, rows) of ``Spectra.cells``.
        offset_hops: of the first hop in the pattern.
    """
    first = -offset_hops % CELL_HOPS
    chosen = cells[first::CELL_HOPS]
    return Aligned(chosen, ((offset_hops + first) // CELL_HOPS + np.arange(len(chosen))) % NUM_COLUMNS)


def local_statistics(aligned: Aligned, key: QuarterKey) -> np.ndarray:
    """(columns,): the statistic of the sync cells within half a second around each column."""
    is_sync = ROLES[aligned.columns] == SYNC
    products = (aligned.cells * signs(header_key(key))[aligned.columns] * is_sync).sum(axis=1)
    squares = (aligned.cells**2 * is_sync).sum(axis=1)
    span = np.ones(min(LOCAL_COLUMNS // 2, len(products)))
    sums, norms = (np.convolve(each, span, mode="same")[: len(products)] for each in (products, squares))
    return sums / np.sqrt(np.maximum(norms, 1e-20))


def read_payload(finds: Sequence[tuple[Aligned, QuarterKey]]) -> Payload | None:
    """The payload that pieces under one key carry together.

    Args:
        finds: pieces, each with its place in the pattern.
    """
    key = finds[0][1]
    pieces = [(each, np.clip(local_statistics(each, key), 0.0, None)) for each, _ in finds]
    shared = header_key(key)
    header = _soft_bits(pieces, shared, HEADER, RATE * HEADER_BITS)
    voice, day = read_header(decode(header))
    body = _soft_bits(pieces, body_key(key, voice, day), BODY, RATE * BODY_BITS)
    return read_body(key, voice, day, decode(body))


def _soft_bits(pieces: Sequence[tuple[Aligned, np.ndarray]], own_key: bytes, role: int, num_coded: int) -> np.ndarray:
    grid, places = signs(own_key), bit_places(own_key, role, num_coded)
    soft = np.zeros(num_coded)
    for aligned, weights in pieces:
        values = aligned.cells * grid[aligned.columns] * weights[:, None]
        where = places[aligned.columns % PERIOD_COLUMNS]
        chosen = where >= 0
        soft += np.bincount(where[chosen], values[chosen], minlength=num_coded)
    return soft
