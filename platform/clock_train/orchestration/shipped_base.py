"""The base that comes with the package: what ``finetune`` and ``demo`` start from where no other is named.

A voice folder with weights in float16, written by ``pipelines/ship_base.py``. Images that train nothing leave it out.
"""

from __future__ import annotations

from pathlib import Path

from clock_train.bundle.card import CARD
from clock_train.errors import VoiceNotFound

FOLDER = "shipped_base"


def shipped_base() -> Path:
    """Folder of the base.

    Raises:
        VoiceNotFound: this installation was built without it.
    """
    path = Path(__file__).parents[1] / FOLDER
    if not (path / CARD).is_file():
        raise VoiceNotFound(
            "this installation has no base of its own; name one with --base, train one with clocktrain pretrain, "
            "or install the whole package"
        )
    return path
