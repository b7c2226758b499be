"""Voices as a Triton model repository: one model a voice version, the same for the bundled server and for NGC's image.

repository/anna-v3/config.pbtxt
repository/anna-v3/1/model.py            comes from clock_train.serving.triton_backend
repository/anna-v3/1/bundle/             the signed bundle, as it was exported
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from clock_train.bundle.card import CARD, file_digest
from clock_train.bundle.opening import Bundle, verify_bundle
from clock_train.bundle.staging import staged
from clock_train.errors import ModelRepositoryUnwritable, VoiceNameTaken
from clock_train.serving.voice_model import INPUTS, OUTPUTS, Port, model_name

MODEL = '''"""Written by ClockTrain: a voice is served by its own code, from the bundle beside this file."""

from clock_train.serving.triton_backend import VoiceBackend as TritonPythonModel

__all__ = ["TritonPythonModel"]
'''


class Device(Enum):
    """Where a voice's instances run."""

    CPU = "KIND_CPU"
    GPU = "KIND_GPU"


def write_model(
    repository: Path, bundle_folder: Path, *, trusted_keys: Sequence[str], device: Device = Device.CPU, threads: int = 0
) -> Bundle:
    """Add a voice to a repository, or replace that version of it; the bundle is verified first.

    Args:
        repository: folder, made where it is not there.
        bundle_folder: of the voice.
        trusted_keys: public keys of which one signed it.
        device: of its instances.
        threads: chunks that are made at once; 0 takes the cores there are.

    Returns:
        The bundle; ``model_name`` of its card names the model.

    Raises:
        VoiceNotFound, ExportError: not a bundle that may be served.
        VoiceNameTaken: another bundle of the same name and version is there.
        ModelRepositoryUnwritable: no room, or no permission.
    """
    bundle = verify_bundle(bundle_folder, trusted_keys=trusted_keys)
    target = repository / model_name(bundle.card)
    there = target / "1" / "bundle" / CARD
    if there.is_file() and file_digest(there) != bundle.digest:
        raise VoiceNameTaken(
            f'"{bundle_folder}" and the voice that is served already are both {bundle.card.name} of version '
            f"{bundle.card.version}, and differ; export one with another name or version"
        )
    try:
        with staged(target) as work:
            (work / "config.pbtxt").write_text(config_text(bundle, device=device, threads=threads), encoding="utf-8")
            (work / "1" / "bundle").mkdir(parents=True)
            (work / "1" / "model.py").write_text(MODEL, encoding="utf-8")
            for name in sorted(path.name for path in bundle_folder.iterdir() if path.is_file()):
                _link_or_copy(bundle_folder / name, work / "1" / "bundle" / name)
    except OSError as error:
        raise ModelRepositoryUnwritable(
            f'the voice cannot be written to "{repository}" ({error.strerror}); free some room or mend its permissions'
        ) from error
    return bundle


def config_text(bundle: Bundle, *, device: Device, threads: int) -> str:
    """``config.pbtxt`` of a voice: decoupled, unbatched, one instance; threads share its weights."""
    lines = [
        f'name: "{model_name(bundle.card)}"',
        'backend: "python"',
        "max_batch_size: 0",
        "model_transaction_policy { decoupled: true }",
        *(f"input {_port(name, port, ' optional: true')}" for name, port in INPUTS.items()),
        *(f"output {_port(name, port)}" for name, port in OUTPUTS.items()),
        f"instance_group {{ kind: {device.value} count: 1 }}",
        _parameter("threads", str(threads)),
        _parameter("sample_rate", str(bundle.sample_rate_hz)),
        _parameter("digest", bundle.digest),
    ]
    return "\n".join(lines) + "\n"


def _port(name: str, port: Port, more: str = "") -> str:
    dims = ", ".join(map(str, port.dims))
    return f'{{ name: "{name}" data_type: TYPE_{port.kind} dims: [ {dims} ]{more} }}'


def _parameter(key: str, value: str) -> str:
    return f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)  # no second copy of the weights on one disk
    except OSError:
        shutil.copyfile(source, target)
