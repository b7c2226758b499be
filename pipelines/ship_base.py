"""A trained base into the package: weights in float16, its model card, and the credits that its recordings ask for.

``python pipelines/ship_base.py work/base/voice --reports judged/*.json``. The reports, one a speaker, are those that
``clocktrain evaluate --speaker`` writes; their figures are kept in the card as ``speaker/metric/subject``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clock_train.evaluation.figures import EvaluationReport
from clock_train.export.model_card import MODEL_CARD, model_card
from clock_train.models.voice_files import load_voice, model_facts, save_voice
from clock_train.orchestration.shipped_base import FOLDER

ATTRIBUTION = "ATTRIBUTION"
PLACES = ("base",)
"""What a card says of folders of one machine."""


def ship(source: Path, target: Path, reports: Mapping[str, EvaluationReport]) -> None:
    """Write the base that ``finetune`` and ``demo`` start from.

    Args:
        source: folder of the voice that ``pretrain`` left.
        target: folder in the package.
        reports: figures by speaker.

    Raises:
        VoiceNotFound, BundleDamaged: the voice cannot be read.
    """
    loaded = load_voice(source)
    training = {name: value for name, value in loaded.card.training.items() if name not in PLACES}
    # the model card asks whether there was a base; where it lay is nobody's business
    training["base"] = training.get("baseName")
    training["licences"] = list({str(each): each for each in training["licences"]}.values())
    # of all sentences together; those of single styles are in the reports
    metrics = {
        f"{who}/{name}": value
        for who, report in reports.items()
        for name, value in report.values().items()
        if name.count("/") == 1
    }
    card = replace(loaded.card, kind="base", training=training, metrics=metrics)
    texts = {MODEL_CARD: model_card(model_facts(card, loaded.model)), ATTRIBUTION: _credits(card.training["licences"])}
    save_voice(target, card, loaded.model, loaded.vectors_SE, is_half=True, texts=texts)


def _credits(licences: Sequence[Mapping[str, Any]]) -> str:
    lines = ["This base was trained on published recordings, whose licences ask to name:", ""]
    lines += [f"{each['attribution']}: {each['licence']}, {each['uri']}" for each in licences]
    return "\n".join([*lines, "", "Voices that are fine-tuned from it name them too: see their model cards.", ""])


def main() -> None:
    """Ship, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voice", type=Path, help="folder of the base that pretrain left")
    parser.add_argument("--reports", type=Path, nargs="*", default=[], help="SPEAKER.json of clocktrain evaluate")
    parser.add_argument("--out", type=Path, default=Path("platform/clock_train") / FOLDER)
    asked = parser.parse_args()
    ship(
        asked.voice,
        asked.out,
        {path.stem: EvaluationReport.from_json(path.read_text(encoding="utf-8")) for path in asked.reports},
    )
    for path in asked.out.iterdir():
        path.chmod(0o644)  # whoever installs it may read it
    size = sum(path.stat().st_size for path in asked.out.iterdir())
    print(f"{asked.out}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
