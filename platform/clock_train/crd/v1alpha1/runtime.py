"""What an administrator offers to train on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from clock_train.crd.v1alpha1.shared import ConditionsStatus
from clock_train.crd.wire import (
    URL,
    Currency,
    Deadline,
    Decimal,
    Metadata,
    Name,
    Part,
    Quantity,
    Text,
    listed_by,
    rules,
)


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


class SharedKeys(Part):
    """Keys that sign bundles and mark samples."""

    secret_name: Name = Field(
        description="Secret with `signing.key` and `watermark-key.json`, in the clone's own namespace."
    )


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
    keys: SharedKeys | None = Field(
        default=None, description="Keys of the platform; without them each pod makes its own, which nobody trusts."
    )
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


class VoiceTrainingRuntime(Part):
    """What an administrator offers to train on; one for the whole cluster."""

    api_version: Literal["clocktrain.dev/v1alpha1"] = Field(description="Group and version.")
    kind: Literal["VoiceTrainingRuntime"] = Field(description="Kind of the resource.")
    metadata: Metadata = Field(description="Name.")
    spec: VoiceTrainingRuntimeSpec = Field(description="What is offered.")
    status: ConditionsStatus | None = Field(default=None, description="What was seen.")
