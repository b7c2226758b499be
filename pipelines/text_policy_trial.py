"""Measures how often the impersonation rules refuse what nobody means ill by: a figure of docs/compliance.md.

    python pipelines/text_policy_trial.py

On the transcripts of the sample recordings, the project's own prompts, and the labelled lines of the compliance tests.
How many scams they miss is not measured: no collection of real ones is at hand. Some seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from clock_train.compliance.text_policy.impersonation import judge_impersonation
from clock_train.compliance.text_policy.judging import TextRequest
from clock_train.compliance.wilson import wilson_interval
from clock_train.data.prompts import prompts
from clock_train.data.sample import SAMPLES, fetch_sample

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compliance"))

from labelled_lines import labelled_lines  # pyright: ignore[reportMissingImports]


def main() -> None:
    """Count, and print."""
    texts = {f"sample transcripts, {language}": _transcripts(fetch_sample(language)) for language in SAMPLES}
    texts |= {f"prompts, {language}": [one.text for one in prompts(language)] for language in ("zh", "en")}
    texts |= {
        f"labelled lines, {language}": [one.text for one in labelled_lines("labelled", language, 1000)]
        for language in ("zh", "en")
    }
    texts["all"] = [text for found in texts.values() for text in found]
    print("| texts | number | refused | 95 % |\n|---|---|---|---|")
    for name, found in texts.items():
        refused = sum(judge_impersonation(TextRequest(text, "")) is not None for text in found)
        low, high = wilson_interval(refused, len(found))
        print(f"| {name} | {len(found)} | {refused} | {low:.4f} to {high:.4f} |")


def _transcripts(folder: Path) -> list[str]:
    lines = (folder / "transcripts.txt").read_text(encoding="utf-8").splitlines()
    told = (line.partition(":")[2].strip() for line in lines if ":" in line and not line.startswith(";"))
    return [text for text in told if text]


if __name__ == "__main__":
    main()
