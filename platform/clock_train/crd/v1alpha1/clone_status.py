"""What was seen of a VoiceClone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from clock_train.crd.v1alpha1.shared import Count, Message, ReasonText, Revision
from clock_train.crd.wire import URI, URL, Condition, Currency, Decimal, Name, Part, Sha256, Text, Time, listed_by


class Progress(Part):
    """How far the stage is."""

    step: Count = Field(description="Steps done.")
    total_steps: Count = Field(description="Steps in all.")
    percent: int = Field(ge=0, le=100, description="Share of the steps.")
    eta_seconds: Count | None = Field(default=None, description="Estimate of the time left.")


class Attempt(Part):
    """One start of the job."""

    number: int = Field(ge=1, le=2**31 - 1, description="Counted from 1.")
    version: int = Field(ge=1, le=2**31 - 1, description="Version that it trains.")
    workers: int = Field(ge=1, le=64, description="Workers that it was made with.")
    create_time: Time = Field(description="When its job was made.")
    start_time: Time | None = Field(default=None, description="When its pods began to work.")
    stop_time: Time | None = Field(default=None, description="When it was asked to save and stop.")
    stop_reason: ReasonText | None = Field(default=None, description="Why it was asked.")
    completion_time: Time | None = Field(default=None, description="When it ended.")
    reason: ReasonText | None = Field(default=None, description="How it ended.")
    message: Message | None = Field(default=None, description="How it ended, for a person.")
    retry: Annotated[str, StringConstraints(max_length=63)] | None = Field(
        default=None, description="Value of the annotation clocktrain.dev/retry that let another attempt follow."
    )
    starts: Count | None = Field(default=None, description="How often the job was started, by the operator or by Ray.")
    resumed_from: URI | None = Field(default=None, description="Checkpoint it went on from.")
    base_uri: URI | None = Field(default=None, description="Bundle that it is fine-tuned from.")


class CheckpointStatus(Part):
    """The newest committed checkpoint."""

    uri: URI = Field(description="Where it is.")
    step: Count = Field(description="Step it was saved at.")
    save_time: Time = Field(description="When it was saved.")


class Metric(Part):
    """One figure of the evaluation."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=63)] = Field(
        description="What was measured."
    )
    value: Annotated[str, StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)?$", max_length=20)] = Field(
        description="The figure, as a text."
    )


class TrackingStatus(Part):
    """The tracked run."""

    run_id: Text = Field(description="Id of the run at the tracker.")
    url: URL | None = Field(default=None, description="Page of the run.")


class VersionStatus(Part):
    """What is trained at present."""

    number: int = Field(ge=1, le=2**31 - 1, description="Counted from 1; the N of name@N.")
    digest: Sha256 = Field(description="Over the fields that decide what is trained.")


class VoiceStatus(Part):
    """The newest finished voice."""

    version: int = Field(ge=1, le=2**31 - 1, description="Its version.")
    bundle_uri: URI = Field(description="Where it is.")
    digest: Sha256 = Field(description="Of the bundle.")


class ConsentPin(Part):
    """One consent as it was when the clone was accepted."""

    name: Name = Field(description="Name of the VoiceConsent.")
    uid: Annotated[str, StringConstraints(max_length=64)] = Field(description="Its uid.")


class FinishedVersion(Part):
    """One version that has its voice: what may be served."""

    version: int = Field(ge=1, le=2**31 - 1, description="The N of name@N.")
    digest: Sha256 = Field(description="Of the bundle.")
    bundle_uri: URI = Field(description="Where it is.")
    gate_passed: bool | None = Field(default=None, description="What the gate said of it; absent where nobody judged.")
    finish_time: Time = Field(description="When it was seen to be finished.")
    consents: list[ConsentPin] = Field(
        default_factory=list,
        max_length=1_000,
        description="The consents that it was made with; without one of them it is not served.",
        json_schema_extra=listed_by("name"),
    )
    base_uri: URI | None = Field(default=None, description="Bundle that it was fine-tuned from.")
    base_retire_time: Time | None = Field(
        default=None, description="When that base was retired: the erasure of a speaker in it began."
    )


class Erasure(Part):
    """What follows from one revoked consent: everything of its speaker in the namespace is erased."""

    consent: Name = Field(description="Name of the VoiceConsent.")
    uid: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(description="Its uid.")
    speaker: Name = Field(description="Whose it is.")
    notice_time: Time = Field(description="When it was first seen to be revoked; the time of grace begins then.")
    start_time: Time | None = Field(default=None, description="When erasing began; it is not called off any more.")
    failures: Count | None = Field(default=None, description="Jobs that did not erase everything.")
    fail_time: Time | None = Field(default=None, description="When the last of them ended.")
    completion_time: Time | None = Field(default=None, description="When everything was erased.")
    receipt_uri: URI | None = Field(default=None, description="The signed receipt.")


class ServingStatus(Part):
    """What the aliases of the voice mean, as the serving table has it."""

    champion: int = Field(ge=1, le=2**31 - 1, description="Version of the alias champion.")
    previous: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="The champion before: where a rollback goes."
    )
    candidate: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Version that gets the canary's share.")
    canary_percent: int | None = Field(default=None, ge=1, le=100, description="Of the requests, to the candidate.")


class CostStatus(Part):
    """What was used so far."""

    accelerator_seconds: Count = Field(description="Seconds times accelerators.")
    amount: Decimal | None = Field(default=None, description="At the runtime's price, as a text.")
    currency: Currency | None = Field(default=None, description="Of the amount.")


class CorpusStatus(Part):
    """What was trained on."""

    revision: Revision = Field(description="Revision of the corpus.")
    seconds: Count = Field(description="Accepted speech in it.")


class VoiceCloneStatus(Part):
    """What was seen."""

    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=32,
        description="Observations by type.",
        json_schema_extra=listed_by("type"),
    )
    observed_generation: Count | None = Field(default=None, description="Generation that this status is about.")
    stage: Literal["Prepare", "Pretrain", "Finetune", "Distill", "Evaluate", "Export"] | None = Field(
        default=None, description="For display only."
    )
    progress: Progress | None = Field(default=None, description="How far the stage is.")
    attempts: list[Attempt] = Field(
        default_factory=list,
        max_length=20,
        description="The last twenty, by number.",
        json_schema_extra=listed_by("number"),
    )
    checkpoint: CheckpointStatus | None = Field(default=None, description="The newest committed checkpoint.")
    metrics: list[Metric] = Field(
        default_factory=list,
        max_length=64,
        description="Figures of the evaluation, by name.",
        json_schema_extra=listed_by("name"),
    )
    tracking: TrackingStatus | None = Field(default=None, description="The tracked run.")
    version: VersionStatus | None = Field(default=None, description="What is trained at present.")
    voice: VoiceStatus | None = Field(default=None, description="The newest finished voice.")
    versions: list[FinishedVersion] = Field(
        default_factory=list,
        max_length=10,
        description="The last ten that have a voice, by number, and those that are served.",
        json_schema_extra=listed_by("version"),
    )
    serving: ServingStatus | None = Field(default=None, description="What is served; absent where nothing is.")
    endpoint: URL | None = Field(default=None, description="Where the voice is served.")
    cost: CostStatus | None = Field(default=None, description="What was used so far.")
    corpus: CorpusStatus | None = Field(default=None, description="What was trained on.")
    consents: list[ConsentPin] = Field(
        default_factory=list,
        max_length=1_000,
        description="The consents that were accepted; another object of the same name is another consent.",
        json_schema_extra=listed_by("name"),
    )
    erasures: list[Erasure] = Field(
        default_factory=list,
        max_length=1_000,
        description="What follows from consents that were revoked.",
        json_schema_extra=listed_by("uid"),
    )
