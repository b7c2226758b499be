"""A run in memory: models, optimisers, averages and randomness, and the one step that moves them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clock_train.data.packed_file import PackedCorpus
from clock_train.data.splits import TRAIN, VALIDATION
from clock_train.errors import ConfigError
from clock_train.models.discriminators import DiscriminatorConfig, Discriminators
from clock_train.models.voice import VoiceModel
from clock_train.training.batching import BatchPlan
from clock_train.training.device_corpus import AugmentationConfig, DeviceCorpus
from clock_train.training.ema import WeightAverage
from clock_train.training.generator_step import GeneratorStep, LossConfig, StepOutput
from clock_train.training.lessons import Lesson, LessonConfig, Lessons
from clock_train.training.losses import adversarial_loss, discriminator_loss, feature_matching_loss, shared
from clock_train.training.mixed_batches import MixedPlan
from clock_train.training.optimizers import (
    NormClip,
    OptimizerConfig,
    discriminator_optimizer,
    generator_optimizer,
    set_learning_rate,
)
from clock_train.training.parallel import ALONE, Parallel, check_shareable, seed_of
from clock_train.training.run_state import RunState
from clock_train.training.schedule import Phase, ScheduleConfig
from clock_train.training.trained_parts import TrainedParts, freeze


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that decides a run's numbers, and when it ends."""

    seed: int = 1
    batch_size: int = 16
    max_steps: int = 2_000
    max_cpu_seconds: float | None = None
    """A CPU budget; the run also ends when its steps have cost this much process time."""
    checkpoint_every: int = 200
    """Steps from one checkpoint to the next; each is validated first, so that the best step is one that was kept."""
    patience: int | None = None
    """Checkpoints without a better score before the run ends early; None never does."""
    ema_decay: float = 0.999
    trained: TrainedParts = TrainedParts.ALL
    """What of the model changes; a fine-tune of the conditions alone is kept in a tenth of the room."""
    bf16: bool = True
    """Mixed precision where the device computes bfloat16 natively; never on a CPU."""
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    discriminators: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("max_steps", 0), ("checkpoint_every", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"training.{name} is {getattr(self, name)}; give {least} or more")
        if self.max_cpu_seconds is not None and self.max_cpu_seconds <= 0:
            raise ConfigError(f"training.max_cpu_seconds is {self.max_cpu_seconds}; give more than 0, or none")
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"training.patience is {self.patience}; give 1 or more, or none")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(f"training.ema_decay is {self.ema_decay}; give 0 or more, less than 1, such as 0.999")


@dataclass(frozen=True)
class Teaching:
    """What a teacher said of a run's clips, and how much it counts."""

    lessons: Lessons
    config: LessonConfig


class Run:
    """A voice model being trained on one device, from recordings or by a teacher as well."""

    def __init__(
        self,
        voice: VoiceModel,
        packed: PackedCorpus,
        config: TrainingConfig,
        *,
        device: torch.device,
        parallel: Parallel = ALONE,
        teaching: Teaching | None = None,
    ) -> None:
        torch.manual_seed(seed_of(config.seed, parallel.rank))
        self.config, self.device, self.parallel = config, device, parallel
        self.voice = voice.to(device)
        freeze(self.voice, config.trained)
        self.corpus = DeviceCorpus(packed, hop_samples=voice.config.mel.hop_samples, device=device)
        self.teaching = None if teaching is None else replace(teaching, lessons=teaching.lessons.to(device))
        self.plan = _plan(packed, self.corpus, config, teaching)
        check_shareable(self.plan.batch_size, parallel.world)
        self.validation = packed.of_split(VALIDATION)
        self.generator_step = GeneratorStep(self.voice, config.loss).to(device)
        self.generator_optimizer = generator_optimizer(self.voice, config.optimizer)
        self.generator_clip = NormClip(2, multiple=config.optimizer.gradient_clip)
        self.average = WeightAverage(self.voice, decay=config.ema_decay)
        self.discriminators: Discriminators | None = None
        self.discriminator_optimizer: torch.optim.AdamW | None = None
        self.discriminator_clip = NormClip(1, multiple=config.optimizer.gradient_clip)
        self.frozen_durations = None if self.teaching is None else self.teaching.lessons.durations_NL
        # on the CPU whatever the device: the same numbers everywhere, and a state that is easy to save
        self.generator = torch.Generator().manual_seed(config.seed)
        self.state = RunState(fingerprint=fingerprint(voice, packed, None if teaching is None else teaching.lessons))
        # a T4 only emulates bfloat16, slower than it computes float32
        self.autocast = (
            config.bf16 and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        )

    def begin_contest(self, discriminators: Discriminators | None = None) -> None:
        """Take over discriminators, or make them; their first weights then depend on the seed only."""
        if self.discriminators is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.config.seed + 1)
                made = discriminators or Discriminators(self.config.discriminators)
            self.discriminators = made.to(self.device)
            self.discriminator_optimizer = discriminator_optimizer(self.discriminators, self.config.optimizer)

    def train_step(self, indices: np.ndarray) -> dict[str, Tensor]:
        """One optimisation step on the clips at ``indices``; returns the terms, on the device."""
        phase = self.config.schedule.phase(self.state.step)
        self.voice.train()
        if phase is Phase.CONTEST:
            self.begin_contest()
        batch = self.corpus.batch(indices, augmentation=self.config.augmentation, generator=self.generator)
        frozen = None
        if self.frozen_durations is not None:
            frozen = self.frozen_durations[batch.indices, : batch.ids_B3L.shape[2]]
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.autocast):
            output = self.generator_step(
                batch,
                phase,
                # durations that a teacher gives cannot collapse
                detach_prior=self.teaching is None and self.state.step < self.config.schedule.detach_prior_steps,
                durations_BL=frozen,
                generator=self.generator,
                parallel=self.parallel,
                lesson=self.lesson(indices),
            )
            if phase is Phase.CONTEST:
                share = self._share(output, len(indices))
                self._discriminate(output, share)
                self._deceive(output, share)
        set_learning_rate(self.generator_optimizer, self.config.optimizer, self.state.step)
        self.generator_optimizer.zero_grad(set_to_none=True)
        torch.stack(list(output.terms.values())).sum().backward()
        self.parallel.average_gradients(self.voice.parameters())
        output.terms["gradient_norm"] = self.generator_clip.clip(self.generator_optimizer)
        self.generator_optimizer.step()
        self.average.update()
        self.state.step += 1
        return self._of_all(output.terms)

    def lesson(self, indices: np.ndarray) -> Lesson | None:
        """What the teacher says of the clips at ``indices``; None without one."""
        if self.teaching is None:
            return None
        lessons = self.teaching.lessons
        return Lesson(lessons, self.teaching.config, lessons.is_spoken[indices])

    def _of_all(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms of the whole batch."""
        if self.parallel.world == 1:
            return {name: term.detach() for name, term in terms.items()}
        means = self.parallel.average(torch.stack([term.detach().float() for term in terms.values()]))
        return dict(zip(terms, means.unbind(), strict=True))

    def _share(self, output: StepOutput, batch: int) -> Tensor | None:
        own = torch.ones(len(output.natural_BN), device=self.device)
        return self.parallel.share(own, torch.ones(batch, device=self.device))

    def _discriminate(self, output: StepOutput, share: Tensor | None) -> None:
        assert self.discriminators is not None and self.discriminator_optimizer is not None
        self.discriminators.requires_grad_(True)
        natural, generated = self.discriminators(output.natural_BN), self.discriminators(output.generated_BN.detach())
        loss = shared(discriminator_loss(natural, generated), share)
        set_learning_rate(self.discriminator_optimizer, self.config.optimizer, self.state.step)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.parallel.average_gradients(self.discriminators.parameters())
        self.discriminator_clip.clip(self.discriminator_optimizer)
        self.discriminator_optimizer.step()
        # without a gradient: shown, not minimised by the generator
        output.terms["discriminator"] = loss.detach()

    def _deceive(self, output: StepOutput, share: Tensor | None) -> None:
        assert self.discriminators is not None
        weights = self.config.loss
        # the generator's step needs gradients through the judges, not of them
        self.discriminators.requires_grad_(False)
        made = self.discriminators(output.generated_BN)
        output.terms["adversarial"] = shared(weights.adversarial * adversarial_loss(made), share)
        if weights.feature_matching:
            with torch.no_grad():
                real = self.discriminators(output.natural_BN)
            matching = weights.feature_matching * feature_matching_loss(real, made)
            output.terms["feature_matching"] = shared(matching, share)


def _plan(
    packed: PackedCorpus, corpus: DeviceCorpus, config: TrainingConfig, teaching: Teaching | None
) -> BatchPlan | MixedPlan:
    lengths, speakers, clips = list(corpus.host_frames), list(packed.speaker_of), packed.of_split(TRAIN)
    if teaching is None:
        return BatchPlan(clips, lengths, speakers, batch_size=config.batch_size, seed=config.seed)
    return MixedPlan(
        [i for i in clips if not teaching.lessons.is_spoken[i]],
        [i for i in clips if teaching.lessons.is_spoken[i]],
        lengths,
        speakers,
        batch_size=config.batch_size,
        spoken_share=teaching.config.spoken_share,
        seed=config.seed,
    )


def fingerprint(voice: VoiceModel, packed: PackedCorpus, lessons: Lessons | None = None) -> str:
    """What must not change between a checkpoint and the run that goes on from it."""
    facts: dict[str, Any] = {
        "shapes": {name: list(value.shape) for name, value in voice.state_dict().items()},
        "inventory": packed.inventory_id,
        "rate": packed.sample_rate_hz,
        "speakers": packed.speakers,
        "mel": asdict(voice.config.mel),
        **({} if lessons is None else {"lessons": lessons.digest}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
