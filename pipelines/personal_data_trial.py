"""Measures the detectors of personal data: the figures of docs/compliance.md.

    python pipelines/personal_data_trial.py [--set development] [--lines 1000] [--misses]

Recall and precision by kind on lines that a generator labelled (``tests/compliance/labelled_lines.py``), and false
alarms on the transcripts of the sample recordings, which are fetched once. A stretch counts as found where at least 80
% of it is under findings of its kind; a finding counts as right where at least half of it is such a stretch. Intervals
are Wilson's, 95 %. Half a minute.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path

from clock_train.compliance.personal_data.finding import find_personal_data
from clock_train.compliance.personal_data.kinds import Finding
from clock_train.compliance.wilson import wilson_interval
from clock_train.data.sample import SAMPLES, fetch_sample

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compliance"))

from labelled_lines import Label, labelled_lines  # pyright: ignore[reportMissingImports]

COVERED, RIGHT = 0.8, 0.5
TARGETS = {
    "mobile": 0.98,
    "id-card": 0.98,
    "bank-card": 0.98,
    "passport": 0.98,
    "mail": 0.98,
    "name": 0.85,
    "address": 0.85,
}
SPELLED = {"mobile": "phone", "landline": "phone"}


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="labelled", choices=("labelled", "development"))
    parser.add_argument("--lines", type=int, default=1000, help="of each language")
    parser.add_argument("--misses", action="store_true", help="print what was missed or found wrongly")
    parser.add_argument("--no-samples", action="store_true", help="leave the sample recordings out")
    asked = parser.parse_args()
    for language in ("zh", "en"):
        _judge(asked.set, language, asked.lines, asked.misses)
    if not asked.no_samples:
        _false_alarms(asked.misses)


def _judge(chosen: str, language: str, count: int, is_telling: bool) -> None:
    hits: Counter[str] = Counter()
    masked: Counter[str] = Counter()
    there: Counter[str] = Counter()
    right: Counter[str] = Counter()
    made: Counter[str] = Counter()
    alarmed: set[str] = set()
    plain: set[str] = set()
    for line in labelled_lines(chosen, language, count):
        found = find_personal_data(line.text)
        for label in line.labels:
            there[label.kind] += 1
            of_kind = [one for one in found if one.kind.value == SPELLED.get(label.kind, label.kind)]
            hits[label.kind] += _is_covered(label, of_kind)
            masked[label.kind] += _is_covered(label, found)
            if is_telling and not _is_covered(label, of_kind):
                print(f"missed {label.kind}: {line.text[label.start : label.end]} | {line.text}")
        for one in found:
            made[one.kind.value] += 1
            is_right = any(_fits(one, label) for label in line.labels)
            right[one.kind.value] += is_right
            if is_telling and not is_right:
                print(f"wrong {one.kind.value}: {line.text[one.start : one.end]} | {line.text}")
        if not line.labels:
            plain.add(line.text)
            alarmed |= {line.text} if found else set()
    print(f"\n{chosen}, {language}: {count} lines, {sum(there.values())} stretches of personal data")
    print("| kind | recall | 95 % | masked as any kind | target |\n|---|---|---|---|---|")
    for kind in sorted(there):
        low, high = wilson_interval(hits[kind], there[kind])
        target = TARGETS.get(kind)
        verdict = "" if target is None else f"≥ {target} {'met' if hits[kind] / there[kind] >= target else 'MISSED'}"
        print(
            f"| {kind} | {hits[kind]}/{there[kind]} = {hits[kind] / there[kind]:.3f} | {low:.3f} to {high:.3f} | "
            f"{masked[kind] / there[kind]:.3f} | {verdict} |"
        )
    print("| kind | precision | 95 % |\n|---|---|---|")
    for kind in sorted(made):
        low, high = wilson_interval(right[kind], made[kind])
        print(f"| {kind} | {right[kind]}/{made[kind]} = {right[kind] / made[kind]:.3f} | {low:.3f} to {high:.3f} |")
    low, high = wilson_interval(len(alarmed), len(plain))
    print(
        f"different lines without personal data: {len(plain)}, with an alarm {len(alarmed)} ({low:.3f} to {high:.3f})"
    )


def _false_alarms(is_telling: bool) -> None:
    print(
        "\nfalse alarms on the sample recordings' transcripts\n"
        "| language | lines | with a finding | 95 % |\n|---|---|---|---|"
    )
    totals: dict[str, tuple[int, int]] = {}
    for language in SAMPLES:
        lines = _transcripts(fetch_sample(language))
        alarms: dict[str, list[Finding]] = defaultdict(list)
        for number, line in enumerate(lines):
            if found := find_personal_data(line):
                alarms[f"{number}"] = found
                if is_telling:
                    print(f"alarm {[(one.kind.value, line[one.start : one.end]) for one in found]} | {line}")
        totals[language] = (len(alarms), len(lines))
    totals["all"] = (sum(one for one, _ in totals.values()), sum(all_ for _, all_ in totals.values()))
    for language, (alarmed, count) in totals.items():
        low, high = wilson_interval(alarmed, count)
        print(f"| {language} | {count} | {alarmed} = {alarmed / count:.4f} | {low:.4f} to {high:.4f} |")
    print(f"target: at most 0.01 of all lines: {'met' if totals['all'][0] <= 0.01 * totals['all'][1] else 'MISSED'}")


def _transcripts(folder: Path) -> list[str]:
    """Texts of ``name: text`` lines; ``;`` begins a comment."""
    lines = (folder / "transcripts.txt").read_text(encoding="utf-8").splitlines()
    told = (line.partition(":")[2].strip() for line in lines if ":" in line and not line.startswith(";"))
    return [text for text in told if text]


def _is_covered(label: Label, found: list[Finding]) -> bool:
    under = sum(max(0, min(one.end, label.end) - max(one.start, label.start)) for one in found)
    return under >= COVERED * (label.end - label.start)


def _fits(one: Finding, label: Label) -> bool:
    if one.kind.value != SPELLED.get(label.kind, label.kind):
        return False
    return min(one.end, label.end) - max(one.start, label.start) >= RIGHT * (one.end - one.start)


if __name__ == "__main__":
    main()
