"""Sounds that leave the house: each has the installation's mark, and a label that is true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from clock_train.audio.reading import probe
from clock_train.compliance.findings import ComplianceFinding, Severity, shortened
from clock_train.errors import AudioError, LabelInvalid, LabelMissing
from clock_train.issuing.installation import Installation
from clock_train.labels.files import KINDS, check_file
from clock_train.labels.profile import Profile
from clock_train.watermark.detect import NARROW_SEARCH
from clock_train.watermark.files import detect_file
from clock_train.watermark.keys import read_keys
from clock_train.watermark.pattern import QuarterKey

WATERMARK_MISSING = "WatermarkMissing"
LEAST_SECONDS = 1.5
"""A shorter sound need not show its mark by itself; see docs/watermark.md."""


def sound_files(folder: Path) -> list[Path]:
    """Sounds of a folder and those below it, or the one that is named."""
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS and path.is_file())


def sample_findings(
    files: Sequence[Path],
    installation: Installation,
    today: date,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[ComplianceFinding]:
    """What sounds lack of mark and label.

    Args:
        files: sounds that are published.
        installation: whose keys are looked for; none are made.
        today: the keys of which quarters count.
        report: hears how many files were looked at.
    """
    keys: list[QuarterKey] = []
    if installation.key_path.is_file():
        keys = read_keys(installation.key_path).detection_keys(today)
    unmarked, short, unlabelled, untrue, unread = [], [], [], [], []
    for number, path in enumerate(files):
        try:
            if not keys or not detect_file(path, keys, speeds=NARROW_SEARCH, with_windows=False).is_detected:
                (short if probe(path).seconds < LEAST_SECONDS else unmarked).append(str(path))
            check_file(path)
        except LabelMissing:
            unlabelled.append(str(path))
        except LabelInvalid as error:
            untrue.append(str(error))
        except AudioError as error:
            unread.append(str(error))
        report(number + 1, len(files))
    must_label = installation.label_config().profile is not Profile.NONE
    return [
        *_finding(WATERMARK_MISSING, Severity.BLOCKING, "sounds carry no mark of this installation", unmarked, _SPEAK),
        *_finding(WATERMARK_MISSING, Severity.WARNING, "sounds are too short to show a mark", short, _SPEAK),
        *_finding(
            "LabelMissing",
            Severity.BLOCKING if must_label else Severity.NOTE,
            "sounds carry no label",
            unlabelled,
            _SPEAK,
        ),
        *_finding("LabelInvalid", Severity.BLOCKING, "sounds carry a label that is not theirs", untrue, _SPEAK),
        *_finding("AudioUnreadable", Severity.WARNING, "files cannot be read as sound", unread, "Remove or mend them."),
    ]


_SPEAK = "Publish only files that clocktrain synthesize or a server of voices gave, unchanged."


def _finding(code: str, severity: Severity, what: str, files: Sequence[str], step: str) -> list[ComplianceFinding]:
    if not files:
        return []
    return [
        ComplianceFinding(
            code=code, severity=severity, what=f"{len(files)} {what}", evidence=shortened(files), next_step=step
        )
    ]
