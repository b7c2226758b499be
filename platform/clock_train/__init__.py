"""ClockTrain (钟训练): recordings and a consent in, a measured voice out.

The article's two names are here; both load lazily, so that ``import clock_train`` costs neither torch nor audio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clock_train.trainer import ClockTrainer, extract_speaker_embedding

__all__ = ["ClockTrainer", "__version__", "extract_speaker_embedding"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("ClockTrainer", "extract_speaker_embedding"):
        from clock_train import trainer

        return getattr(trainer, name)
    raise AttributeError(f"module 'clock_train' has no attribute {name!r}")
