"""The two optimisers, their learning rates and the clipping of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from clock_train.errors import ConfigError
from clock_train.models.voice import VoiceModel

TEXT_PARTS = ("text_encoder", "mel_head", "anchor_head")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW for both sides."""

    learning_rate: float = 1e-3
    text_learning_rate_factor: float = 2.0
    """The text encoder learns hotter: at the others' rate it aligned late (word starts 72 ms off against 36)."""
    discriminator_learning_rate_factor: float = 0.5
    beta1: float = 0.8
    beta2: float = 0.99
    weight_decay: float = 0.01
    warmup_steps: int = 100
    decay_per_step: float = 0.99985
    gradient_clip: float = 1.0
    """On the norm of each group, relative to its own running norm: a spike is cut, a scale is not."""

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < 1:
            raise ConfigError(
                f"training.optimizer.learning_rate is {self.learning_rate}; give a number between 0 and 1, such as 1e-4"
            )

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied with at a step."""
        return min(1.0, (step + 1) / max(1, self.warmup_steps)) * self.decay_per_step**step


def generator_optimizer(model: VoiceModel, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW over the generator, the text side in a group of its own."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    text = [p for name, p in trained.items() if name.split(".")[0] in TEXT_PARTS]
    rest = [p for name, p in trained.items() if name.split(".")[0] not in TEXT_PARTS]
    groups = [
        {"params": rest, "factor": 1.0},
        {"params": text, "factor": config.text_learning_rate_factor},
    ]
    return _adamw(groups, config)


def discriminator_optimizer(discriminators: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW over the discriminators."""
    groups = [{"params": list(discriminators.parameters()), "factor": config.discriminator_learning_rate_factor}]
    return _adamw(groups, config)


def set_learning_rate(optimizer: torch.optim.Optimizer, config: OptimizerConfig, step: int) -> float:
    """Set each group's rate for a step; returns that of the first group."""
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * group["factor"] * config.factor(step)
    return float(optimizer.param_groups[0]["lr"])


class NormClip:
    """Clips each group's gradient to a multiple of its own running norm.

    Losses change their scale by hundreds between phases, so a fixed limit would be either idle or always on.
    """

    def __init__(self, groups: int, *, multiple: float, memory: float = 0.98) -> None:
        self.running = torch.zeros(groups)
        self.multiple, self.memory = multiple, memory

    def clip(self, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        """Clip in place, without waiting for the device; returns the total norm before clipping.

        A group whose norm is not finite is left as it is: the loss watch stops the run.
        """
        norms = torch.stack([_norm(group["params"]) for group in optimizer.param_groups])
        running = self.running = self.running.to(norms)
        known = torch.where(running > 0, running, norms)
        limits = torch.where(running > 0, running * (1.0 + self.multiple), norms)
        is_sound = torch.isfinite(norms)
        factors = torch.where(is_sound & (norms > limits), limits / norms, torch.ones_like(norms))
        for group, factor in zip(optimizer.param_groups, factors.unbind(), strict=True):
            gradients = [p.grad for p in group["params"] if p.grad is not None]
            if gradients:
                torch._foreach_mul_(gradients, factor)
        moved = self.memory * known + (1 - self.memory) * torch.minimum(norms, 2 * limits)
        self.running = torch.where(is_sound, moved, running)
        return torch.linalg.vector_norm(norms)


def _norm(parameters: Sequence[nn.Parameter]) -> torch.Tensor:
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return torch.zeros((), device=next((p.device for p in parameters), None))
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))


def _adamw(groups: list[dict[str, object]], config: OptimizerConfig) -> torch.optim.AdamW:
    # fused: one kernel for all weights, on the CPU as well
    return torch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=True,
    )
