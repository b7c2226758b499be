"""How the sound of a packed corpus is carried to another machine."""

from __future__ import annotations

from enum import Enum


class Codec(Enum):
    """A codec of libsndfile's."""

    OPUS = "opus"
    """About an eighth of the samples' size; loses what few hear."""
    FLAC = "flac"
    """About half; loses nothing."""
