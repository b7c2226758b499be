"""Table, raw CSV and picture of a bench, into one folder."""

from __future__ import annotations

import csv
import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path

from operator_bench.regimes import Figure, Row

MET = {True: "met", False: "**missed**", None: ""}


def write_all(folder: Path, heading: Sequence[str], figures: Sequence[Figure], rows: Sequence[Row]) -> str:
    """Write everything; the table as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    _csv(folder / "figures.csv", figures)
    _csv(folder / "clones.csv", rows)
    table = "\n".join([*heading, "", *table_lines(figures)]) + "\n"
    (folder / "table.md").write_text(table, encoding="utf-8")
    _picture(folder / "delays.png", rows)
    return table


def table_lines(figures: Sequence[Figure]) -> list[str]:
    """One line a figure, one column a size; the mean of the repeats, with the extremes where they differ."""
    sizes = sorted({figure.size for figure in figures})
    found: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in figures:
        found.setdefault((figure.subject, figure.regime, figure.name), []).append(figure)
    lines = [
        f"| subject | regime | figure | {' | '.join(f'{size} clones' for size in sizes)} | target | |",
        "|---|---|---|" + "---|" * (len(sizes) + 2),
    ]
    for (subject, regime, name), own in found.items():
        cells = [_cell([figure for figure in own if figure.size == size]) for size in sizes]
        lines.append(f"| {subject} | {regime} | {name} | {' | '.join(cells)} | {_target(own[0])} | {_verdict(own)} |")
    return lines


def _cell(figures: Sequence[Figure]) -> str:
    if not figures:
        return "–"
    values = [figure.value for figure in figures]
    text = _spelled(statistics.fmean(values))
    spread = f" ({_spelled(min(values))}–{_spelled(max(values))})" if max(values) > min(values) else ""
    return f"{text} {figures[0].unit}".rstrip() + spread


def _spelled(value: float) -> str:
    if value == int(value) if abs(value) < 1e15 else False:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _target(figure: Figure) -> str:
    if figure.exactly is not None:
        return "as many as clones" if figure.name == "RayJobs created" else f"{figure.exactly:g}"
    return "" if figure.at_most is None else f"≤ {figure.at_most:g} {figure.unit}".rstrip()


def _verdict(figures: Sequence[Figure]) -> str:
    met = [figure.is_met for figure in figures]
    if None in met:
        return ""
    if all(met):
        return MET[True]
    sizes = sorted({figure.size for figure in figures if not figure.is_met})
    return f"{MET[False]} at {', '.join(str(size) for size in sizes)}"


def _csv(path: Path, items: Sequence[Figure] | Sequence[Row]) -> None:
    if not items:
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(items[0])])
        writer.writeheader()
        writer.writerows(dataclasses.asdict(item) for item in items)


def _picture(path: Path, rows: Sequence[Row]) -> None:
    """The share of clones that have their RayJob after a time, a line a regime and size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    groups: dict[tuple[int, str], list[float]] = {}
    for row in rows:
        if row.job is not None:
            groups.setdefault((row.size, row.regime), []).append(row.job - row.applied)
    for (size, regime), delays in sorted(groups.items()):
        ordered = sorted(delays)
        shares = [(number + 1) / len(ordered) for number in range(len(ordered))]
        axes.step(ordered, shares, where="post", label=f"{size} clones, {regime}")
    axes.set_xlabel("seconds from apply to RayJob, by the audit log")
    axes.set_ylabel("share of clones")
    axes.set_xscale("log")
    axes.grid(alpha=0.3)
    if groups:
        axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
