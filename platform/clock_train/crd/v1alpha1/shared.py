"""What several kinds of ``clocktrain.dev/v1alpha1`` have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from clock_train.crd.wire import Condition, Part, listed_by

API_VERSION = "clocktrain.dev/v1alpha1"
STAGES = ("Prepare", "Pretrain", "Finetune", "Distill", "Evaluate", "Export")
CONDITIONS = (
    "Accepted", "DataReady", "Admitted", "Trained", "Distilled", "Evaluated", "Served", "Tracked", "Erased", "Ready",
    "Suspended", "Failed",
)  # fmt: skip

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""Readers in JavaScript hold no larger whole number."""
Revision = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$", min_length=1, max_length=128)]
ReasonText = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*$", max_length=63)]
Message = Annotated[str, StringConstraints(max_length=1_024)]
Purpose = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=63)]


class ConditionsStatus(Part):
    """What was seen of a runtime or a consent."""

    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Observations by type.",
        json_schema_extra=listed_by("type"),
    )
    observed_generation: Count | None = Field(default=None, description="Generation that this status is about.")
