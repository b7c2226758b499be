"""Who agreed to what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from clock_train.crd.v1alpha1.shared import ConditionsStatus, Purpose
from clock_train.crd.wire import URI, URL, Metadata, Name, Part, Sha256, Territory, Text, Time, listed_once, rules


class Statement(Part):
    """The recording in which the speaker agrees."""

    recording_uri: URI = Field(description="Where it is.")
    sha256: Sha256 = Field(description="Of the recording.")


class Licence(Part):
    """Under what the recordings were published."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="Of the licence, such as CC-BY-4.0."
    )
    url: URL = Field(description="Where its text is.")
    attribution: Text | None = Field(default=None, description="Whom it asks to name.")


class VoiceConsentSpec(Part):
    """Who agreed to what; nothing but `revoked` may ever change, and only to true."""

    model_config = rules(
        (
            "self.speaker == oldSelf.speaker && self.purposes == oldSelf.purposes && "
            "self.territories == oldSelf.territories && self.expirationTime == oldSelf.expirationTime && "
            "has(self.basis) == has(oldSelf.basis) && (!has(self.basis) || self.basis == oldSelf.basis) && "
            "has(self.statement) == has(oldSelf.statement) && "
            "(!has(self.statement) || self.statement == oldSelf.statement) && "
            "has(self.licence) == has(oldSelf.licence) && (!has(self.licence) || self.licence == oldSelf.licence)",
            "may not be changed; make another VoiceConsent and name it in the clone",
        ),
        ("!oldSelf.revoked || self.revoked", "may not have `revoked` set back to false; make another VoiceConsent"),
        (
            "has(self.basis) && self.basis == 'Licence' ? has(self.licence) && !has(self.statement) : "
            "has(self.statement) && !has(self.licence)",
            "must have a `statement`, or with the basis Licence a `licence` in its place",
        ),
        (
            "!has(self.basis) || self.basis != 'Licence' || self.purposes.all(p, p == 'Demonstration')",
            "must have the one purpose Demonstration with the basis Licence: nobody was asked",
        ),
    )

    speaker: Name = Field(description="Pseudonym of the speaker.")
    purposes: list[Purpose] = Field(
        min_length=1, max_length=32, description="What the voice may be used for.", json_schema_extra=listed_once()
    )
    territories: list[Territory] = Field(
        min_length=1, max_length=250, description="ISO 3166 codes, or worldwide.", json_schema_extra=listed_once()
    )
    expiration_time: Time = Field(description="When the consent ends.")
    basis: Literal["Statement", "Licence"] | None = Field(
        default=None,
        description="Statement, also where absent: the speaker agreed. Licence: the recordings were published, nobody "
        "was asked, and voices are for demonstrations only.",
    )
    statement: Statement | None = Field(
        default=None, description="The recording in which the speaker agrees; not with the basis Licence."
    )
    licence: Licence | None = Field(default=None, description="Of published recordings; with the basis Licence only.")
    revoked: bool = Field(
        default=False,
        description="Taken back; stops training and serving of every voice made from it; after the time of grace "
        "of the runtime everything of the speaker is erased.",
    )

    @model_validator(mode="after")
    def _one_basis(self) -> VoiceConsentSpec:
        is_licence = self.basis == "Licence"
        if (self.licence is not None) != is_licence or (self.statement is not None) == is_licence:
            raise ValueError("must have a `statement`, or with the basis Licence a `licence` in its place")
        if is_licence and self.purposes != ["Demonstration"]:
            raise ValueError("must have the one purpose Demonstration with the basis Licence: nobody was asked")
        return self


class VoiceConsent(Part):
    """One speaker's consent."""

    api_version: Literal["clocktrain.dev/v1alpha1"] = Field(description="Group and version.")
    kind: Literal["VoiceConsent"] = Field(description="Kind of the resource.")
    metadata: Metadata = Field(description="Name and namespace.")
    spec: VoiceConsentSpec = Field(description="Who agreed to what.")
    status: ConditionsStatus | None = Field(default=None, description="What was seen.")
