"""``clocktrain compare``: two runs in one page, and in a few lines of a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from clock_train.evaluation.comparison_html import ComparisonPage
    from clock_train.evaluation.figures import Row

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="Output folder of a training or demo.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="Output folder of another.")],
    *,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("comparison.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and settings that differ as JSON.")] = False,
) -> None:
    """Set two trainings side by side in one page.

    Figures with intervals, settings that differ, curves and players, from what each run left on disk.
    """
    from clock_train.orchestration.comparison import compare as compare_runs

    page = compare_runs(first, second, out)
    if as_json:
        print(json.dumps(_as_json(page, out), indent=1, ensure_ascii=False))
        return
    print(f"{page.labels[0]}\n{page.labels[1]}")
    for note in page.notes:
        print(note)
    better = [f"{pair.metric.title} ({pair.subject}): {pair.better}" for pair in page.figures if pair.better]
    print(f"Better beyond the intervals: {'; '.join(better) or 'neither in any figure'}")
    print(f"Settings that differ: {', '.join(page.settings) or 'none'}")
    print(f"Page: {out}")


def _as_json(page: ComparisonPage, out: Path) -> dict[str, Any]:
    return {
        "runs": list(page.labels),
        "notes": list(page.notes),
        "figures": [
            {
                "metric": pair.metric.name,
                "subject": str(pair.subject),
                "a": _values(pair.first),
                "b": _values(pair.second),
                "difference": pair.difference,
                "better": pair.better or None,
            }
            for pair in page.figures
        ],
        "settings": {name: {"a": first, "b": second} for name, (first, second) in page.settings.items()},
        "page": str(out),
    }


def _values(row: Row | None) -> dict[str, float | None] | None:
    return None if row is None else {"value": row.value, "low": row.low, "high": row.high}
