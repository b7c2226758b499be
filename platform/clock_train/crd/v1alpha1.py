"""The resources of ``clocktrain.dev/v1alpha1``: the only source of their fields, bounds and rules.

Spec fields say what a user wants, status what was seen. Fields that override a preset have no default here: absent
means the preset's value.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from clock_train.crd.wire import (
    URI,
    URL,
    Condition,
    Currency,
    Deadline,
    Decimal,
    Fraction,
    Metadata,
    Name,
    ObjectRef,
    Part,
    Quantity,
    Rate,
    Sha256,
    Territory,
    Text,
    Time,
    listed_by,
    listed_once,
    rules,
)

API_VERSION = "clocktrain.dev/v1alpha1"
STAGES = ("Prepare", "Pretrain", "Finetune", "Distill", "Evaluate", "Export")
CONDITIONS = (
    "Accepted", "DataReady", "Admitted", "Trained", "Distilled", "Evaluated", "Served", "Ready", "Suspended", "Failed",
)  # fmt: skip

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""Readers in JavaScript hold no larger whole number."""
Revision = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$", min_length=1, max_length=128)]
ReasonText = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*$", max_length=63)]
Message = Annotated[str, StringConstraints(max_length=1_024)]
Purpose = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=63)]


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
    canary_percent: int | None = Field(default=None, ge=0, le=100, description="Share of requests for the candidate.")


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
    preset: Literal["Demo", "Basic", "Professional", "Pretrain"] = Field(
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


class CostStatus(Part):
    """What was used so far."""

    accelerator_seconds: Count = Field(description="Seconds times accelerators.")
    amount: Decimal | None = Field(default=None, description="At the runtime's price, as a text.")
    currency: Currency | None = Field(default=None, description="Of the amount.")


class CorpusStatus(Part):
    """What was trained on."""

    revision: Revision = Field(description="Revision of the corpus.")
    seconds: Count = Field(description="Accepted speech in it.")


class ConsentPin(Part):
    """One consent as it was when the clone was accepted."""

    name: Name = Field(description="Name of the VoiceConsent.")
    uid: Annotated[str, StringConstraints(max_length=64)] = Field(description="Its uid.")


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
    endpoint: URL | None = Field(default=None, description="Where the voice is served.")
    cost: CostStatus | None = Field(default=None, description="What was used so far.")
    corpus: CorpusStatus | None = Field(default=None, description="What was trained on.")
    consents: list[ConsentPin] = Field(
        default_factory=list,
        max_length=1_000,
        description="The consents that were accepted; another object of the same name is another consent.",
        json_schema_extra=listed_by("name"),
    )


class VoiceClone(Part):
    """A voice that is wanted, and what became of it."""

    api_version: Literal["clocktrain.dev/v1alpha1"] = Field(description="Group and version.")
    kind: Literal["VoiceClone"] = Field(description="Kind of the resource.")
    metadata: Metadata = Field(description="Name and namespace.")
    spec: VoiceCloneSpec = Field(description="What is wanted.")
    status: VoiceCloneStatus | None = Field(default=None, description="What was seen.")


class Images(Part):
    """Container images."""

    trainer: Text = Field(description="Image of the job: training, evaluation, export and cleanup.")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="When nodes fetch the image."
    )
    pull_secret_name: Name | None = Field(
        default=None, description="Secret of the registry, in the clone's own namespace."
    )


class Toleration(Part):
    """A taint that pods of the class stand."""

    key: Text = Field(description="Key of the taint.")
    operator: Literal["Equal", "Exists"] = Field(default="Equal", description="How the key is matched.")
    value: Annotated[str, StringConstraints(max_length=63)] | None = Field(
        default=None, description="Value of the taint."
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect that is tolerated; absent tolerates all."
    )


class Resources(Part):
    """What one worker asks for."""

    cpu: Quantity = Field(description="CPU cores.")
    memory: Quantity = Field(description="Memory.")
    accelerator_resource_name: Text | None = Field(
        default=None,
        description="Extended resource of one accelerator, such as nvidia.com/gpu; absent for a CPU class.",
    )


class AcceleratorClass(Part):
    """One kind of machine that a worker runs on."""

    name: Name = Field(description="What compute.acceleratorClassName names.")
    node_selector: dict[
        Annotated[str, StringConstraints(max_length=317)], Annotated[str, StringConstraints(max_length=63)]
    ] = Field(default_factory=dict, max_length=16, description="Labels that nodes of the class carry.")
    tolerations: list[Toleration] = Field(
        default_factory=list, max_length=16, description="Taints that its pods stand."
    )
    resources: Resources = Field(description="What one worker asks for.")
    price_per_hour: Decimal | None = Field(
        default=None, description="Of one worker, in the runtime's currency, as a text."
    )


class StorageEndpoint(Part):
    """Where artefacts lie."""

    endpoint_url: URL = Field(description="Endpoint that speaks S3.")
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$", min_length=3, max_length=63)] = (
        Field(description="Bucket of all artefacts.")
    )
    secret_name: Name = Field(description="Secret with the credential, in the clone's own namespace.")


class TrackingEndpoint(Part):
    """Where runs are tracked."""

    url: URL = Field(description="Address of the tracker.")
    secret_name: Name | None = Field(default=None, description="Secret with its token, in the clone's own namespace.")


class PodSecurity(Part):
    """Under whom pods run."""

    run_as_user: int = Field(default=10_001, ge=1, le=2**31 - 1, description="User id; never root.")
    fs_group: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Group that owns the volumes.")
    seccomp_profile: Literal["RuntimeDefault", "Unconfined"] = Field(
        default="RuntimeDefault", description="Filter of system calls."
    )


class Retries(Part):
    """Attempts that follow one which lost its capacity; a mistake is never tried again."""

    limit: int = Field(default=5, ge=0, le=15, description="Attempts after the first.")
    backoff_seconds: int = Field(
        default=10,
        ge=1,
        le=3_600,
        description="Before the first of them; doubled for each that follows, up to an hour.",
    )


class VoiceTrainingRuntimeSpec(Part):
    """What an administrator offers."""

    model_config = rules(
        (
            "has(self.currency) || self.acceleratorClasses.all(c, !has(c.pricePerHour))",
            "must have a `currency` when a class has a `pricePerHour`",
        )
    )

    images: Images = Field(description="Container images.")
    accelerator_classes: list[AcceleratorClass] = Field(
        min_length=1, max_length=64, description="Kinds of machine, by name.", json_schema_extra=listed_by("name")
    )
    currency: Currency | None = Field(default=None, description="ISO code of every price and cost.")
    storage: StorageEndpoint = Field(description="Where artefacts lie.")
    tracking: TrackingEndpoint | None = Field(default=None, description="Where runs are tracked.")
    queue_name: Name | None = Field(default=None, description="Queue of Kueue that admits the jobs.")
    head: Resources | None = Field(
        default=None, description="What the head of a Ray cluster asks for; it trains nothing."
    )
    retries: Retries = Field(default_factory=Retries, description="What follows lost capacity.")
    save_timeout_seconds: Deadline = Field(
        default=600, description="How long a job that is asked to save and stop is waited for."
    )
    erasure_grace_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = Field(
        default=604_800, description="From a revoked consent to the erasure; the voice is unserved at once."
    )
    retrain_by_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = Field(
        default=2_592_000, description="How long voices of a retired base go on being served."
    )
    pod_security: PodSecurity | None = Field(default=None, description="Under whom pods run.")

    @model_validator(mode="after")
    def _classes(self) -> VoiceTrainingRuntimeSpec:
        names = [one.name for one in self.accelerator_classes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"must have `acceleratorClasses` of different names; {twice[0]} comes twice")
        if self.currency is None and any(one.price_per_hour is not None for one in self.accelerator_classes):
            raise ValueError("must have a `currency` when a class has a `pricePerHour`")
        return self


class ConditionsStatus(Part):
    """What was seen of a runtime or a consent."""

    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Observations by type.",
        json_schema_extra=listed_by("type"),
    )
    observed_generation: Count | None = Field(default=None, description="Generation that this status is about.")


class VoiceTrainingRuntime(Part):
    """What an administrator offers to train on; one for the whole cluster."""

    api_version: Literal["clocktrain.dev/v1alpha1"] = Field(description="Group and version.")
    kind: Literal["VoiceTrainingRuntime"] = Field(description="Kind of the resource.")
    metadata: Metadata = Field(description="Name.")
    spec: VoiceTrainingRuntimeSpec = Field(description="What is offered.")
    status: ConditionsStatus | None = Field(default=None, description="What was seen.")


class Statement(Part):
    """The recording in which the speaker agrees."""

    recording_uri: URI = Field(description="Where it is.")
    sha256: Sha256 = Field(description="Of the recording.")


class VoiceConsentSpec(Part):
    """Who agreed to what; nothing but `revoked` may ever change, and only to true."""

    model_config = rules(
        (
            "self.speaker == oldSelf.speaker && self.purposes == oldSelf.purposes && "
            "self.territories == oldSelf.territories && self.expirationTime == oldSelf.expirationTime && "
            "self.statement == oldSelf.statement",
            "may not be changed; make another VoiceConsent and name it in the clone",
        ),
        ("!oldSelf.revoked || self.revoked", "may not have `revoked` set back to false; make another VoiceConsent"),
    )

    speaker: Name = Field(description="Pseudonym of the speaker.")
    purposes: list[Purpose] = Field(
        min_length=1, max_length=32, description="What the voice may be used for.", json_schema_extra=listed_once()
    )
    territories: list[Territory] = Field(
        min_length=1, max_length=250, description="ISO 3166 codes, or worldwide.", json_schema_extra=listed_once()
    )
    expiration_time: Time = Field(description="When the consent ends.")
    statement: Statement = Field(description="The recording in which the speaker agrees.")
    revoked: bool = Field(
        default=False, description="Taken back; stops training and serving of every voice made from it."
    )


class VoiceConsent(Part):
    """One speaker's consent."""

    api_version: Literal["clocktrain.dev/v1alpha1"] = Field(description="Group and version.")
    kind: Literal["VoiceConsent"] = Field(description="Kind of the resource.")
    metadata: Metadata = Field(description="Name and namespace.")
    spec: VoiceConsentSpec = Field(description="Who agreed to what.")
    status: ConditionsStatus | None = Field(default=None, description="What was seen.")


Resource = VoiceClone | VoiceTrainingRuntime | VoiceConsent
KINDS: dict[str, type[VoiceClone] | type[VoiceTrainingRuntime] | type[VoiceConsent]] = {
    "VoiceClone": VoiceClone,
    "VoiceTrainingRuntime": VoiceTrainingRuntime,
    "VoiceConsent": VoiceConsent,
}
