"""The labels of an installation on a spoken sound: on one written as a file, and on one that leaves as it is spoken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.issuing.issuer import Issue
from clock_train.labels.audible import with_rhythm
from clock_train.labels.files import write_labelled
from clock_train.labels.live import live_labels
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


def live_labels_of(issue: Issue, sample_rate_hz: int, *, is_audible: bool = False) -> tuple[dict[str, Any], np.ndarray]:
    """What a sound that leaves as it is spoken begins with.

    Args:
        issue: of the sound.
        sample_rate_hz: of its samples.
        is_audible: whether this one begins with tones, whatever the installation chose; nobody who asks for speech can
            leave out those that it chose.
    Returns:
        The labels for ``LiveEncoder``, and (N,) float32 to hear before the speech: four tones, or nothing.
    """
    config = issue.installation.label_config()
    silence = np.zeros(0, dtype=np.float32)
    lead = with_rhythm(silence, sample_rate_hz) if config.is_audible or is_audible else silence
    return live_labels(issue.origin, config, issue.installation.signer()), lead.astype(np.float32)
