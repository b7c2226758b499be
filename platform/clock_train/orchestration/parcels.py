"""A training in one folder that is carried to a machine with a GPU and nothing but PyTorch: ``python3 train.py``.

In it: the recordings as training reads them, small and without names; the settings; the weights to begin with; this
package's code; the two libraries that it cannot do without. ``borrowed_time`` is what runs there, and ``carried_voice``
takes the weights back.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from clock_train.bundle.card import VoiceCard, file_digest
from clock_train.bundle.staging import staged
from clock_train.consent.record import ConsentRecord
from clock_train.data.packing import PackedCorpus
from clock_train.data.small_corpus import PARCEL, SNDFILE, anonymous, bundled_sndfile, write_small
from clock_train.data.sound_codec import Codec
from clock_train.data.splits import TRAIN, VALIDATION
from clock_train.errors import ParcelTooLarge
from clock_train.models.config_text import to_plain
from clock_train.models.voice import VoiceSource
from clock_train.models.voice_files import save_voice, stored_vectors
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.parcel_plan import CODE, CORPUS, FORMAT, LIBRARIES, PLAN, START
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.shipped_base import FOLDER as SHIPPED_BASE
from clock_train.orchestration.starting_model import StartingModel
from clock_train.orchestration.training_preparation import Prepared, TrainRequest, prepare

TRAIN_PY = '''\
"""Trains what is in this folder for some minutes: python3 train.py --window-minutes 9 --out DIR. See --help."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("ConfigError: this Python is %d.%d; Python 3.11 or later is needed" % sys.version_info[:2])
parcel = Path(__file__).resolve().parent
sys.path[:0] = [str(parcel / "code.zip"), str(parcel / "libraries")]

from clock_train.orchestration.borrowed_time import main

if __name__ == "__main__":
    sys.exit(main(parcel))
'''


@dataclass(frozen=True)
class Parcel:
    """Where a parcel lies, and what of it weighs how much."""

    path: Path
    uid: str
    bytes_of: dict[str, int]

    @property
    def size_bytes(self) -> int:
        """Of all of it."""
        return sum(self.bytes_of.values())


def write_parcel(
    request: TrainRequest, listener: Listener, *, codec: Codec = Codec.OPUS, opus_bits: int = 32_000, carry_mib: float
) -> Parcel:
    """Write ``parcel/`` below the output folder instead of training there.

    Args:
        request: what to train.
        listener: shows stages.
        codec: of the sound.
        opus_bits: a second of it.
        carry_mib: the most that it may weigh.

    Raises:
        ParcelTooLarge: it weighs more; nothing is left of it.
        ClockTrainError: as of a training before its first step.
    """
    with locked(request.output):
        prepared = prepare(request, listener)
        listener.stage("parcel")
        folder = request.output / PARCEL
        with staged(folder) as staging:
            _fill(staging, prepared, codec, opus_bits)
            parcel = Parcel(folder, prepared.job.uid, _sizes(staging))
            if parcel.size_bytes > carry_mib * 2**20:
                raise ParcelTooLarge(_too_large(parcel, codec, carry_mib))
        return parcel


def _fill(folder: Path, prepared: Prepared, codec: Codec, opus_bits: int) -> None:
    (folder / CORPUS).mkdir()
    carried = anonymous(prepared.packed, (TRAIN, VALIDATION))
    write_small(carried, folder / CORPUS, codec, opus_bits=opus_bits)
    if prepared.request.base is not None:
        _save_start(folder / START, prepared.started, carried)
    _save_code(folder)
    (folder / "train.py").write_text(TRAIN_PY, encoding="utf-8")
    plan = {
        "format": FORMAT,
        "uid": prepared.job.uid,
        "model": to_plain(prepared.job.model),
        "training": to_plain(prepared.job.training),
        "consentsUntil": _first_end(prepared.consents),
        "code": version("clock-train"),
        "files": {name: file_digest(folder / name) for name in _sizes(folder)},
    }
    (folder / PLAN).write_text(json.dumps(plan, indent=1), encoding="utf-8")


def _save_start(folder: Path, started: StartingModel, carried: PackedCorpus) -> None:
    """The model before its first step as a base: its speakers have numbers, so none is mixed up."""
    card = VoiceCard(
        name="start", kind="base", languages=[], speakers=carried.speakers, consent_ids=[], corpus_revision="",
    )  # fmt: skip
    is_stored = started.voice.config.voice_source is VoiceSource.STORED
    width = started.voice.config.embedding_channels
    vectors = stored_vectors(started.voice) if is_stored else np.zeros((len(carried.speakers), width), np.float32)
    save_voice(folder, card, started.voice, vectors, discriminators=started.discriminators, is_half=True)


def _save_code(folder: Path) -> None:
    root = Path(__file__).parents[1]
    with zipfile.ZipFile(folder / CODE, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(root.rglob("*.py")):
            name = path.relative_to(root.parent)
            if SHIPPED_BASE not in name.parts:
                file.write(path, name.as_posix())
    spec = find_spec("safetensors")
    assert spec is not None and spec.submodule_search_locations, "it comes with this package"
    safetensors = Path(next(iter(spec.submodule_search_locations)))
    shutil.copytree(safetensors, folder / LIBRARIES / "safetensors", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(bundled_sndfile(), folder / LIBRARIES / SNDFILE)


def _first_end(consents: Sequence[ConsentRecord]) -> str | None:
    """When the first of the consents ends; nobody may train on the parcel after that."""
    return min((each.expiration_time for each in consents if each.expiration_time), default=None)


def _sizes(folder: Path) -> dict[str, int]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _too_large(parcel: Parcel, codec: Codec, carry_mib: float) -> str:
    size, largest = parcel.size_bytes / 2**20, max(parcel.bytes_of, key=parcel.bytes_of.__getitem__)
    advice = "carry the sound as opus" if codec is Codec.FLAC else "name a lower --opus-bits, or fewer recordings"
    return (
        f"the parcel weighs {size:.1f} MiB of at most {carry_mib:g} ({largest}: "
        f"{parcel.bytes_of[largest] / 2**20:.1f}); {advice}, or raise --carry-mib"
    )
