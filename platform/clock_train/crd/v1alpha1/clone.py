"""A voice to be made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clock_train.crd.v1alpha1.clone_spec import VoiceCloneSpec
from clock_train.crd.v1alpha1.clone_status import VoiceCloneStatus
from clock_train.crd.wire import Metadata, Part


class VoiceClone(Part):
    """A voice that is wanted, and what became of it."""

    api_version: Literal["clocktrain.dev/v1alpha1"] = Field(description="Group and version.")
    kind: Literal["VoiceClone"] = Field(description="Kind of the resource.")
    metadata: Metadata = Field(description="Name and namespace.")
    spec: VoiceCloneSpec = Field(description="What is wanted.")
    status: VoiceCloneStatus | None = Field(default=None, description="What was seen.")
