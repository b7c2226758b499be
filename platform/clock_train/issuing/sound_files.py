"""Writing a spoken sound as a file, with the labels of its installation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.issuing.issuer import Issue
from clock_train.labels.audible import with_rhythm
from clock_train.labels.files import write_labelled
from clock_train.labels.profile import Profile


def write_issued(
    path: str | Path,
    waveform: np.ndarray,
    sample_rate_hz: int,
    issue: Issue,
    *,
    profile: Profile | None = None,
    is_audible: bool | None = None,
) -> dict[str, Any]:
    """Write wav, flac, mp3, opus, aac or m4a.

    Args:
        path: its extension says the kind.
        waveform: (T,) as it left ``issue``.
        sample_rate_hz: of the waveform.
        issue: of the sound.
        profile: of the labels; by default the installation's.
        is_audible: whether four tones come first; by default the installation's choice.
    Returns:
        The labels that were written.
    Raises:
        LabelUnwritable, AudioUnwritable: another kind of file, or one that cannot be written.
    """
    config = issue.installation.label_config()
    config = replace(config, profile=profile or config.profile)
    if config.is_audible if is_audible is None else is_audible:
        waveform = with_rhythm(waveform, sample_rate_hz)
    signer = issue.installation.signer()
    return write_labelled(Path(path), waveform, sample_rate_hz, origin=issue.origin, config=config, signer=signer)
