"""Loss curves as inline SVG: no script, colours from the page's style, readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 14, 34
MAX_POINTS = 400
"""Of one line: more than the picture has columns to show."""
NUM_TICKS = 5
DOT_RADIUS = 3
"""Of a point without neighbours, which no line would show."""
MAX_COLOURS = 6
"""Defined in the page's style as --line-0 to --line-5."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    """NaN and infinity leave a gap."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines over a shared axis."""

    title: str
    series: Sequence[Series]
    x_label: str = "step"
    is_log: bool = False
    """Logarithmic y; values that are not positive leave a gap."""


def chart_svg(chart: Chart) -> str:
    """The chart as one ``<figure>``; with nothing to draw it says so."""
    caption = f"<figcaption>{escape(chart.title)}</figcaption>"
    lines = [_points(series, chart.is_log) for series in chart.series]
    drawn = [point for line in lines for point in line if point]
    if not drawn:
        return f"<figure>{caption}<p>nothing recorded</p></figure>"
    x_range = _range([x for x, _ in drawn])
    y_range = _range([y for _, y in drawn])
    label = escape(chart.title, quote=True)
    parts = [f'<figure>{caption}<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">']
    for tick in _log_ticks(y_range) if chart.is_log else _ticks(y_range):
        height = _place_y(tick, y_range)
        label = _label(10**tick if chart.is_log else tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{label}</text>')
    for tick in _ticks(x_range):
        place = f'x="{_place_x(tick, x_range):.1f}" y="{HEIGHT - BOTTOM + 16}"'
        parts.append(f'<text {place} text-anchor="middle">{_label(tick)}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(chart.x_label)}</text>'
    )
    for index, line in enumerate(lines):
        parts.append(
            f'<path class="line" style="stroke:var(--line-{index % MAX_COLOURS})" d="{_path(line, x_range, y_range)}"/>'
        )
        for x, y in _alone(line):
            place = f'cx="{_place_x(x, x_range):.1f}" cy="{_place_y(y, y_range):.1f}"'
            parts.append(f'<circle {place} r="{DOT_RADIUS}" style="fill:var(--line-{index % MAX_COLOURS})"/>')
    parts.append("</svg>")
    legend = "".join(
        f'<span><i style="background:var(--line-{index % MAX_COLOURS})"></i>{escape(series.name)}</span>'
        for index, series in enumerate(chart.series)
    )
    return "".join(parts) + f'<p class="legend">{legend}</p></figure>'


Point = tuple[float, float] | None
"""None: the line is broken here."""


def _points(series: Series, is_log: bool) -> list[Point]:
    pairs = list(zip(series.x, series.y, strict=True))
    stride = max(1, math.ceil(len(pairs) / MAX_POINTS))
    # the last point is what a run ended with: never thinned out
    kept = pairs[::stride] + (pairs[-1:] if pairs and (len(pairs) - 1) % stride else [])
    return [_point(float(x), float(y), is_log) for x, y in kept]


def _point(x: float, y: float, is_log: bool) -> Point:
    if not (math.isfinite(x) and math.isfinite(y)) or (is_log and y <= 0):
        return None
    return x, math.log10(y) if is_log else y


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        return low - margin, high + margin
    return low, high


def _ticks(bounds: tuple[float, float]) -> list[float]:
    """Round numbers inside the range, about five."""
    span = bounds[1] - bounds[0]
    magnitude = 10 ** math.floor(math.log10(span / NUM_TICKS))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude * NUM_TICKS >= span)
    first = math.ceil(bounds[0] / step)
    return [index * step for index in range(first, math.floor(bounds[1] / step + 1e-9) + 1)]


def _log_ticks(bounds: tuple[float, float]) -> list[float]:
    """Logarithms of 1, 2 and 5 times powers of ten; of the powers alone where that is too many."""
    decades = range(math.floor(bounds[0]), math.ceil(bounds[1]) + 1)
    factors = (1, 2, 5) if bounds[1] - bounds[0] <= 2 else (1,)
    ticks = [decade + math.log10(factor) for decade in decades for factor in factors]
    inside = [tick for tick in ticks if bounds[0] <= tick <= bounds[1]]
    if len(inside) >= 2:
        return inside
    # a narrow range: round numbers, and not round logarithms
    return [math.log10(tick) for tick in _ticks((10 ** bounds[0], 10 ** bounds[1])) if tick > 0]


def _place_x(x: float, bounds: tuple[float, float]) -> float:
    return LEFT + (x - bounds[0]) / (bounds[1] - bounds[0]) * (WIDTH - LEFT - RIGHT)


def _place_y(y: float, bounds: tuple[float, float]) -> float:
    return TOP + (bounds[1] - y) / (bounds[1] - bounds[0]) * (HEIGHT - TOP - BOTTOM)


def _label(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{round(value, 10):.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _alone(line: list[Point]) -> list[tuple[float, float]]:
    before, after = [None, *line[:-1]], [*line[1:], None]
    return [
        point
        for point, left, right in zip(line, before, after, strict=True)
        if point is not None and left is right is None
    ]


def _path(line: list[Point], x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    commands = []
    is_down = False
    for point in line:
        if point:
            commands.append(
                f"{'L' if is_down else 'M'}{_place_x(point[0], x_range):.1f} {_place_y(point[1], y_range):.1f}"
            )
        is_down = point is not None
    return "".join(commands)
