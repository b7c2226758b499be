"""A trained voice to a signed bundle, with the keys of this installation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clock_train.export.bundle_writing import write_bundle
from clock_train.issuing.access import Access
from clock_train.issuing.installation import Installation
from clock_train.orchestration.int8_choice import int8_choice
from clock_train.orchestration.reading_log import record_voice


@dataclass(frozen=True)
class ExportedBundle:
    """What was written."""

    path: Path
    digest: str
    """sha256 of its ``voice.json``."""
    signer: str
    """Public key, base64."""


def export_bundle(
    voice: Path,
    out: Path,
    *,
    packed: Path | None = None,
    metrics: dict[str, float] | None = None,
    tracking_run: str = "",
    installation: Installation | None = None,
) -> ExportedBundle:
    """Write the bundle of a voice folder.

    Args:
        voice: what training left: a student, or a teacher where there is no student.
        out: folder of the bundle.
        packed: the corpus it was trained from, to calibrate and judge an int8 decoder; without it there is none.
        metrics: the judges' figures.
        tracking_run: MLflow's id of the run.
        installation: whose keys sign and mark; by default the user's own.

    Raises:
        ClockTrainError: what ``write_bundle`` and the keys raise.
    """
    installation = installation or Installation()
    record_voice(voice, Access.EXPORT, installation)
    today = datetime.now(UTC).date()
    signer = installation.signer()
    digest = write_bundle(
        voice,
        out,
        signer=signer,
        watermark_key_id=installation.keys(today).embedding_key(today).key_id,
        tracking_run=tracking_run,
        metrics=metrics,
        choose_int8=int8_choice(packed) if packed is not None else None,
    )
    return ExportedBundle(out, digest, signer.public_key)


def packed_beside(*folders: Path) -> Path | None:
    """The newest packed corpus in the first of these folders that has one."""
    for folder in folders:
        found = sorted(folder.glob("packed-*.npz"), key=lambda path: path.stat().st_mtime)
        if found:
            return found[-1]
    return None
