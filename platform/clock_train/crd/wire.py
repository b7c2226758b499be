"""How every resource is written: camelCase names, decimals as texts, and nothing that is not a field."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ACRONYMS = {"uri": "URI", "url": "URL", "id": "ID", "snr": "SNR"}


def wire_name(name: str) -> str:
    """``bundle_uri`` as ``bundleURI``; a name that is one word stays as it is."""
    first, *rest = name.split("_")
    return first + "".join(ACRONYMS.get(word, word.capitalize()) for word in rest)


class Part(BaseModel):
    """A piece of a resource. Strict: a number in quotes is no number, and no float stands for a decimal."""

    model_config = ConfigDict(
        alias_generator=wire_name, extra="forbid", strict=True, frozen=True, populate_by_name=False
    )


def rules(*checks: tuple[str, str]) -> ConfigDict:
    """Rules in CEL that the API server checks, each with what it says where one does not hold.

    The same rules stand as validators of the model, for whoever reads a manifest without a cluster.
    """
    return ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in checks]}
    )


def listed_by(key: str) -> dict[str, Any]:
    """A list whose items are known by one of their fields: two appliers may each own some of them."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def listed_once() -> dict[str, Any]:
    """A list of texts, none of them twice."""
    return {"x-kubernetes-list-type": "set"}


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]
"""What Kubernetes takes as a label: lower-case letters, digits and dashes."""
Decimal = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]*)(\.[0-9]{1,9})?$", min_length=1, max_length=20)]
"""Floats are not exact in JSON, so decimals travel as texts: "0.80"."""
Fraction = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$", min_length=1, max_length=11)]
"""A decimal from 0 to 1."""
Rate = Annotated[
    str,
    StringConstraints(pattern=r"^(0\.[0-9]{1,12}|[1-9](\.[0-9]{1,6})?e-[1-9])$", max_length=14),
]
"""A decimal above 0 and below 1, also as "1e-4"."""
URI = Annotated[
    str,
    StringConstraints(
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s/]+)+/?|file:///\S+|/\S*|\.{0,2}[^\s:]+)$",
        min_length=1,
        max_length=1_024,
    ),
]
"""A folder of storage (``s3://bucket/key``), or one of this machine where the manifest is run on a laptop."""
URL = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", min_length=8, max_length=1_024)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", max_length=64)]
Time = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$", max_length=40),
]
"""RFC 3339."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$", max_length=3)]
"""ISO 4217."""
Territory = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|worldwide)$", max_length=9)]
Quantity = Annotated[
    str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", min_length=1, max_length=20)
]
"""An amount as Kubernetes writes it: 500m, 8, 16Gi."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
Deadline = Annotated[int, Field(ge=1, le=31_536_000)]
"""Seconds, up to a year."""


class ObjectRef(Part):
    """Another object of the same namespace."""

    name: Name = Field(description="Name of the object.")


class Metadata(BaseModel):
    """The part of Kubernetes' own metadata that is read here; the rest passes."""

    model_config = ConfigDict(alias_generator=wire_name, extra="ignore", strict=True, frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=40)] = (
        Field(description="Name of the object; short enough that the names of its children fit.")
    )
    namespace: Name | None = Field(default=None, description="Namespace; empty on a laptop and for a runtime.")
    uid: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="Set by the cluster."
    )
    generation: int | None = Field(default=None, ge=0, description="Set by the cluster.")


class Condition(Part):
    """One observation, in Kubernetes' standard shape."""

    type: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*$", max_length=63)] = Field(
        description="What is claimed."
    )
    status: Annotated[str, StringConstraints(pattern=r"^(True|False|Unknown)$", max_length=7)] = Field(
        description="Whether it holds: True, False or Unknown."
    )
    reason: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*$", max_length=63)] = Field(
        description="Why, as one CamelCase word."
    )
    message: Annotated[str, StringConstraints(max_length=4_096)] = Field(description="Why, for a person.")
    observed_generation: int = Field(ge=0, le=2**53 - 1, description="Generation of the object that was looked at.")
    last_transition_time: Time = Field(description="When the status last flipped.")
