"""What a user wants of a VoiceClone. What overrides a preset has no default: absent means the preset's value."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from clock_train.crd.v1alpha1.shared import Revision
from clock_train.crd.wire import URI, Deadline, Decimal, Fraction, Name, ObjectRef, Part, Rate, listed_by, rules


class CorpusSource(Part):
    """Recordings that were built into a corpus."""

    uri: URI = Field(description="Folder of the corpus.")
    revision: Revision | None = Field(default=None, description="Revision to train on; absent takes the newest.")


class Speaker(Part):
    """One voice and who agreed to its use."""

    name: Name = Field(description="Pseudonym of the speaker, unique in the clone.")
    corpus: CorpusSource = Field(description="The speaker's recordings.")
    consent_ref: ObjectRef | None = Field(default=None, description="The VoiceConsent that covers them.")


class Base(Part):
    """What is fine-tuned from; exactly one of its fields."""

    model_config = rules(
        ("has(self.cloneRef) != has(self.bundleURI)", "must have exactly one of `cloneRef` and `bundleURI`")
    )

    clone_ref: ObjectRef | None = Field(default=None, description="A VoiceClone that was pretrained.")
    bundle_uri: URI | None = Field(default=None, description="A bundle of kind base in storage.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Base:
        given = [self.clone_ref is not None, self.bundle_uri is not None]
        if sum(given) != 1:
            raise ValueError("must have exactly one of `cloneRef` and `bundleURI`")
        return self


class NoiseRange(Part):
    """Signal-to-noise ratios that noise is added at."""

    model_config = rules(("self.min <= self.max", "must have a `min` that is not above `max`"))

    min: int = Field(ge=-10, le=60, description="Loudest noise, in decibels of signal over noise.")
    max: int = Field(ge=-10, le=60, description="Faintest noise, in decibels of signal over noise.")

    @model_validator(mode="after")
    def _in_order(self) -> NoiseRange:
        if self.min > self.max:
            raise ValueError("must have a `min` that is not above `max`")
        return self


class Augmentation(Part):
    """How recordings are varied."""

    noise_snr_decibels: NoiseRange | None = Field(
        default=None, description="Noise that is added to a share of the clips."
    )
    speed_percent: int | None = Field(default=None, ge=0, le=50, description="Most that a copy is faster or slower.")


class Training(Part):
    """What overrides the preset's training."""

    seed: int | None = Field(default=None, ge=0, le=2**31 - 1, description="Seed of everything random.")
    epochs: int | None = Field(default=None, ge=1, le=100_000, description="Passes over the training clips.")
    batch_size: int | None = Field(default=None, ge=1, le=4_096, description="Clips a step.")
    learning_rate: Rate | None = Field(default=None, description="Highest learning rate, such as 1e-4, as a text.")
    checkpoint_every_epochs: int | None = Field(
        default=None, ge=1, le=10_000, description="Passes between checkpoints."
    )
    augmentation: Augmentation | None = Field(default=None, description="How recordings are varied.")


class Compute(Part):
    """What the training runs on."""

    model_config = rules(
        (
            "!has(self.minWorkers) || self.minWorkers <= (has(self.workers) ? self.workers : 1)",
            "must have `minWorkers` that is not above `workers` (1 where absent)",
        )
    )

    accelerator_class_name: Name = Field(description="A class of the runtime, such as nvidia-t4, nvidia-a100 or cpu.")
    workers: int | None = Field(default=None, ge=1, le=64, description="Processes that share each batch.")
    min_workers: int | None = Field(default=None, ge=1, le=64, description="Fewest workers to go on with.")

    @model_validator(mode="after")
    def _in_order(self) -> Compute:
        if self.min_workers is not None and self.min_workers > (self.workers or 1):
            raise ValueError("must have `minWorkers` that is not above `workers` (1 where absent)")
        return self


class Budget(Part):
    """What the clone may cost at most."""

    max_accelerator_hours: int | None = Field(default=None, ge=1, le=100_000, description="Hours times accelerators.")
    max_cost: Decimal | None = Field(default=None, description="In the currency of the runtime, as a text.")
    active_deadline_seconds: Deadline | None = Field(default=None, description="Longest that an attempt may run.")
    pending_deadline_seconds: Deadline | None = Field(default=None, description="Longest that an attempt may wait.")


class Distillation(Part):
    """Whether a student learns from the teacher."""

    policy: Literal["Always", "Never"] = Field(description="Always or Never.")


class Gate(Part):
    """What a voice must reach; a line that is absent is not judged."""

    min_speaker_similarity: Fraction | None = Field(default=None, description="Lowest similarity, from 0 to 1.")
    max_error_rate_above_natural: Fraction | None = Field(
        default=None, description="Most that the recogniser errs more than on the recordings, from 0 to 1."
    )


class Serving(Part):
    """When and how far a version is served."""

    policy: Literal["Always", "Never", "IfGatePasses"] = Field(description="Always, Never or IfGatePasses.")
    champion_version: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="Version to serve; 0 is the newest that passed."
    )
    canary_percent: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Share of the requests for the newest version that passed after championVersion.",
    )


class VoiceCloneSpec(Part):
    """What is wanted: whose voice, from what, how good and at what cost."""

    runtime_ref: ObjectRef | None = Field(default=None, description="The VoiceTrainingRuntime; absent on a laptop.")
    speakers: list[Speaker] = Field(
        min_length=1,
        max_length=1_000,
        description="One to fine-tune, many to pretrain.",
        json_schema_extra=listed_by("name"),
    )
    base: Base | None = Field(default=None, description="What to fine-tune from; absent pretrains from scratch.")
    preset: Literal["Demo", "Base", "Basic", "Professional", "Pretrain"] = Field(
        description="Experiment whose values hold where no field overrides them."
    )
    training: Training | None = Field(default=None, description="What overrides the preset's training.")
    compute: Compute | None = Field(default=None, description="What the training runs on.")
    budget: Budget | None = Field(default=None, description="What the clone may cost at most.")
    distillation: Distillation | None = Field(default=None, description="Whether a student learns from the teacher.")
    gate: Gate | None = Field(default=None, description="What a voice must reach.")
    serving: Serving | None = Field(default=None, description="When and how far a version is served.")
    suspend: bool = Field(default=False, description="Save, and stop until it is false again.")
    deletion_policy: Literal["Retain", "Delete"] = Field(
        default="Retain", description="Whether deleting the clone erases what it made; never a corpus or a recording."
    )

    @model_validator(mode="after")
    def _distinct_speakers(self) -> VoiceCloneSpec:
        names = [speaker.name for speaker in self.speakers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"must have `speakers` of different names; {twice[0]} comes twice")
        return self
