"""Usage as CSV for an invoice and as Prometheus text for a scraper; keys are named by their ids."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from clock_train.accounts.usage import UsageReport, Used

COLUMNS = (
    "day", "tenant", "key", "voice", "requests", "characters", "audio_seconds", "unsettled", "refused_code", "refused"
)  # fmt: skip
PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def usage_csv(report: UsageReport) -> str:
    """A row for each day, key and voice, then one for each day, key and code of a refusal."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for group, used in report.used.items():
        sums = (used.requests, used.characters, f"{used.audio_seconds:.3f}", used.unsettled)
        writer.writerow([*map(_harmless, group), *sums, "", ""])
    for group, times in report.refused.items():
        writer.writerow([group.day, *map(_harmless, (group.tenant, group.key)), "", "", "", "", "", group.code, times])
    return text.getvalue()


def usage_prometheus(report: UsageReport) -> str:
    """Counters, days added up.

    A replica's metrics are its own ``totals``: those of the store would be counted once for each replica.
    """
    used: defaultdict[tuple[str, ...], Used] = defaultdict(Used)
    for group, sums in report.used.items():
        used[group[1:]] += sums
    refused: Counter[tuple[str, ...]] = Counter()
    for group, times in report.refused.items():
        refused[(group.code,)] += times
    labels = ("tenant", "key", "voice")
    counters: list[tuple[str, str, tuple[str, ...], Mapping[tuple[str, ...], float]]] = [
        ("clocktrain_speech_requests_total", "Requests that were spoken.", labels,
         {key: each.requests for key, each in used.items()}),
        ("clocktrain_speech_characters_total", "Characters that were sent as speech.", labels,
         {key: each.characters for key, each in used.items()}),
        ("clocktrain_speech_audio_seconds_total", "Seconds of sound that were sent.", labels,
         {key: each.audio_seconds for key, each in used.items()}),
        ("clocktrain_speech_unsettled_characters_total", "Characters that lost replicas had reserved.", labels,
         {key: max(0, each.unsettled) for key, each in used.items()}),
        ("clocktrain_refused_total", "Requests that were refused.", ("code",), refused),
    ]  # fmt: skip
    lines: list[str] = []
    for name, meaning, names, values in counters:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
        lines += [f"{name}{_labels(names, key)} {value:.15g}" for key, value in sorted(values.items())]
    return "\n".join(lines) + "\n"


def _labels(names: Iterable[str], values: Iterable[str]) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
