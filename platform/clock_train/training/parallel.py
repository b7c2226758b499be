"""Several processes that train one model, each on its rows of every batch.

Every worker draws the whole batch's randomness and computes its own rows, so that N workers do the arithmetic of one:
a term is weighted by the worker's share of what it is a mean of, gradients are averaged, and decisions (when to stop,
which checkpoint is best) are taken by agreement. Plain ``torch.distributed``; who starts the processes is not known
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, distributed, nn

from clock_train.errors import ConfigError


class Parallel:
    """One process on its own; every method is the identity."""

    rank = 0
    world = 1

    @property
    def is_first(self) -> bool:
        """Whether this process validates, saves and reports."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """This worker's rows of a batch; the first workers take one more where it does not divide."""
        each, rest = divmod(batch, self.world)
        start = self.rank * each + min(self.rank, rest)
        return slice(start, start + each + (self.rank < rest))

    def share(self, own: Tensor, everyone: Tensor) -> Tensor | None:
        """What a mean over ``own`` is multiplied with so that the workers' average is the mean over ``everyone``.

        None where there is nothing to multiply.
        """
        return own.sum() * self.world / everyone.sum() if self.world > 1 else None

    def norm(self, x: Tensor) -> Tensor:
        """The Euclidean norm of all workers' values, with a gradient that averaging makes right."""
        return torch.linalg.vector_norm(x)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over the workers."""

    def average(self, values: Tensor) -> Tensor:
        """The workers' mean, element by element."""
        return values

    def largest(self, values: Sequence[float]) -> list[float]:
        """The largest of each value over the workers."""
        return list(values)

    def of_first(self, values: Sequence[float]) -> list[float]:
        """The values of the first worker; every worker gives as many."""
        return list(values)

    def gather(self, state: Tensor) -> list[Tensor]:
        """Every worker's tensor of the same shape and kind, by rank."""
        return [state]


class Workers(Parallel):
    """One of the processes of an initialised ``torch.distributed`` group."""

    def __init__(self, device: torch.device) -> None:
        self.rank, self.world = distributed.get_rank(), distributed.get_world_size()
        self._device = device

    def norm(self, x: Tensor) -> Tensor:
        """The Euclidean norm of all workers' values, with a gradient that averaging makes right."""
        own = torch.linalg.vector_norm(x)
        square = own.detach().square()
        distributed.all_reduce(square)
        total = torch.clamp(square, min=1e-20).sqrt()
        # the value is the total's; the gradient is x / total, times the workers because it will be averaged
        return total + self.world * (own.square() - own.detach().square()) / (2.0 * total)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over the workers, in one message."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.world
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def average(self, values: Tensor) -> Tensor:
        """The workers' mean, element by element."""
        mean = values.detach().clone()
        distributed.all_reduce(mean)
        return mean / self.world

    def largest(self, values: Sequence[float]) -> list[float]:
        """The largest of each value over the workers."""
        found = torch.tensor(values, dtype=torch.float64, device=self._device)
        distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
        return found.tolist()

    def of_first(self, values: Sequence[float]) -> list[float]:
        """The values of the first worker; every worker gives as many."""
        found = torch.tensor(values, dtype=torch.float64, device=self._device)
        distributed.broadcast(found, src=0)
        return found.tolist()

    def gather(self, state: Tensor) -> list[Tensor]:
        """Every worker's tensor of the same shape and kind, by rank."""
        own = state.to(self._device)
        found = [torch.empty_like(own) for _ in range(self.world)]
        distributed.all_gather(found, own)
        return [tensor.cpu() for tensor in found]


def check_shareable(batch: int, workers: int) -> None:
    """Whether every worker gets a clip.

    Raises:
        ConfigError: more workers than clips of a batch.
    """
    if batch < workers:
        raise ConfigError(
            f"a batch of {batch} clips cannot be shared by {workers} workers; ask for fewer workers, or raise "
            "training.batch_size"
        )


ALONE = Parallel()
"""A process on its own."""


def seed_of(seed: int, rank: int, step: int = 0) -> int:
    """The seed of a worker's own randomness (dropout); the first one's is the run's, whatever the number of workers."""
    return seed if rank == 0 and step == 0 else (seed + 1_000_003 * rank + 7_919 * step) % 2**31
