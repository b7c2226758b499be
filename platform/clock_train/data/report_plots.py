"""Small inline SVG pictures for the corpus page; colours come from the page's CSS, so light and dark both work."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 300, 130
LEFT, RIGHT, TOP, BOTTOM = 30, 10, 12, 32
THUMB_WIDTH, THUMB_HEIGHT = 160, 36
NUM_BINS = 24


def histogram(values: Sequence[float], *, title: str, unit: str, limit: float | None = None) -> str:
    """An SVG histogram; ``limit`` draws the line that a clip must not cross."""
    if len(values) == 0:
        return f'<figure><figcaption>{escape(title)}</figcaption><p class="quiet">nothing measured</p></figure>'
    numbers = np.asarray(values, dtype=float)
    low, high = float(numbers.min()), float(numbers.max())
    if limit is not None:
        low, high = min(low, limit), max(high, limit)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(numbers, bins=NUM_BINS, range=(low, high))
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = inner_width / NUM_BINS
    bars = "".join(
        f'<rect class="bar" x="{LEFT + i * step + 0.5:.1f}" y="{TOP + inner_height * (1 - count / counts.max()):.1f}" '
        f'width="{step - 1:.1f}" height="{inner_height * count / counts.max():.1f}">'
        f"<title>{edges[i]:.3g} to {edges[i + 1]:.3g} {escape(unit)}: {count} clips</title></rect>"
        for i, count in enumerate(counts)
        if count
    )
    base = TOP + inner_height
    ticks = "".join(
        f'<text x="{LEFT + inner_width * share:.1f}" y="{base + 14}" text-anchor="{anchor}">'
        f"{low + (high - low) * share:.3g}</text>"
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    line = ""
    if limit is not None:
        x = LEFT + inner_width * (limit - low) / (high - low)
        line = f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{base}"/>'
    return (
        f"<figure><figcaption>{escape(title)} <span>median {np.median(numbers):.3g} {escape(unit)}</span></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<text x="{LEFT - 4}" y="{TOP + 8}" text-anchor="end">{counts.max()}</text>'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>{bars}{line}{ticks}'
        f'<text x="{LEFT + inner_width / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(unit)}</text></svg></figure>'
    )


def waveform_thumbnail(waveform: np.ndarray) -> str:
    """The envelope of (T,) samples in [-1, 1] as a small SVG."""
    if not len(waveform):
        return ""
    columns = np.array_split(waveform, min(THUMB_WIDTH, len(waveform)))
    middle = THUMB_HEIGHT / 2
    upper = [middle - middle * min(float(column.max()), 1.0) for column in columns]
    lower = [middle - middle * max(float(column.min()), -1.0) for column in columns]
    step = THUMB_WIDTH / len(columns)
    points = [f"{i * step:.0f},{y:.1f}" for i, y in enumerate(upper)]
    points += [f"{i * step:.0f},{y:.1f}" for i, y in reversed(list(enumerate(lower)))]
    return (
        f'<svg class="thumb" viewBox="0 0 {THUMB_WIDTH} {THUMB_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="waveform"><line class="axis" x1="0" x2="{THUMB_WIDTH}" y1="{middle}" y2="{middle}"/>'
        f'<polygon class="bar" points="{" ".join(points)}"/></svg>'
    )
