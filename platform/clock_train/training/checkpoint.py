"""A run as bytes and back: what must survive so that a resumed run equals an unbroken one.

Weights are safetensors; optimiser and random state are read with ``weights_only=True``; nothing is ever unpickled.
Where the bytes go, and the COMMITTED marker, is the storage's business.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from torch import Tensor, nn

from clock_train.errors import CheckpointMismatch
from clock_train.training.batching import SamplerPosition
from clock_train.training.parallel import seed_of
from clock_train.training.run_state import RunState

if TYPE_CHECKING:
    from clock_train.training.run import Run

FORMAT_VERSION = 1


def to_files(run: Run, random_states: Sequence[Tensor] | None = None) -> dict[str, bytes]:
    """Every file of a checkpoint by name; ``random_states`` are those of all workers, by rank."""
    state = run.state
    state.ema_updates = run.average.updates
    state.generator_norms = run.generator_clip.running.tolist()
    files = {
        "generator.safetensors": _weights(run.voice),
        "ema.safetensors": safetensors.torch.save(_contiguous(run.average.state())),
        "optimizer_generator.pt": _tensors(run.generator_optimizer.state_dict()),
        "random.pt": _tensors(_random_state(run, random_states or [torch.get_rng_state()])),
    }
    if run.discriminators is not None and run.discriminator_optimizer is not None:
        state.discriminator_norms = run.discriminator_clip.running.tolist()
        files["discriminators.safetensors"] = _weights(run.discriminators)
        files["optimizer_discriminator.pt"] = _tensors(run.discriminator_optimizer.state_dict())
    # those of a teacher are in its lessons
    if run.frozen_durations is not None and run.teaching is None:
        files["durations.safetensors"] = safetensors.torch.save({"durations": run.frozen_durations.contiguous().cpu()})
    files["state.json"] = json.dumps({"format": FORMAT_VERSION, **asdict(state)}, indent=1).encode()
    return files


def restore(run: Run, files: Mapping[str, bytes]) -> None:
    """Put a run back to where ``files`` left it.

    Raises:
        CheckpointMismatch: the files are of another model, vocabulary or set of speakers.
    """
    saved = read_state(files)
    if saved.fingerprint != run.state.fingerprint:
        raise CheckpointMismatch(
            f"this checkpoint (step {saved.step}) belongs to another model, phone inventory or list of speakers than "
            "the run that would go on from it; start a new output folder, or go back to the configuration that made it"
        )
    run.state = saved
    run.voice.load_state_dict(safetensors.torch.load(files["generator.safetensors"]))
    run.average.load(safetensors.torch.load(files["ema.safetensors"]), saved.ema_updates)
    run.generator_optimizer.load_state_dict(_load(files["optimizer_generator.pt"]))
    run.generator_clip.running = torch.tensor(saved.generator_norms)
    if "discriminators.safetensors" in files:
        run.begin_contest()
        assert run.discriminators is not None and run.discriminator_optimizer is not None
        try:
            run.discriminators.load_state_dict(safetensors.torch.load(files["discriminators.safetensors"]))
        except RuntimeError as error:
            raise CheckpointMismatch(
                f"the judges of this checkpoint (step {saved.step}) have other sizes than training.discriminators; "
                "start a new output folder, or go back to the sizes it was made with"
            ) from error
        run.discriminator_optimizer.load_state_dict(_load(files["optimizer_discriminator.pt"]))
        run.discriminator_clip.running = torch.tensor(saved.discriminator_norms)
    if "durations.safetensors" in files:
        durations = safetensors.torch.load(files["durations.safetensors"])["durations"]
        clips = len(run.corpus.packed)
        if len(durations) != clips:
            raise CheckpointMismatch(
                f"the frozen durations of this checkpoint (step {saved.step}) are of {len(durations)} clips, the "
                f"corpus has {clips}; go on with the corpus it was made with, or start a new output folder"
            )
        run.frozen_durations = durations.to(run.device)
    _set_random_state(run, _load(files["random.pt"]))


def read_state(files: Mapping[str, bytes]) -> RunState:
    """The numbers of a checkpoint.

    Raises:
        CheckpointMismatch: a later format than this version reads.
    """
    raw = json.loads(files["state.json"])
    if raw.pop("format") != FORMAT_VERSION:
        raise CheckpointMismatch("this checkpoint was written by another version of clock-train; install that version")
    return RunState(**{**raw, "position": SamplerPosition(**raw["position"])})


def load_average(voice: nn.Module, files: Mapping[str, bytes]) -> None:
    """Load the averaged weights, which are the ones that speak."""
    voice.load_state_dict(safetensors.torch.load(files["generator.safetensors"]))
    voice.load_state_dict(safetensors.torch.load(files["ema.safetensors"]), strict=False)


def _random_state(run: Run, workers: Sequence[Tensor]) -> dict[str, Tensor]:
    state = {"batches": run.generator.get_state(), "torch": workers[0]}
    state |= {f"torch-{rank}": worker for rank, worker in enumerate(workers[1:], start=1)}
    if run.device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(run.device)
    return state


def _set_random_state(run: Run, state: Mapping[str, Tensor]) -> None:
    run.generator.set_state(state["batches"])
    rank = run.parallel.rank
    own = state.get("torch" if rank == 0 else f"torch-{rank}")
    if own is not None:
        torch.set_rng_state(own)
    else:  # a worker more than there were
        torch.manual_seed(seed_of(run.config.seed, rank, run.state.step))
    if run.device.type == "cuda" and "cuda" in state and rank == 0:
        torch.cuda.set_rng_state(state["cuda"], run.device)


def _weights(module: nn.Module) -> bytes:
    return safetensors.torch.save(_contiguous(module.state_dict()))


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}


def _tensors(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _load(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
