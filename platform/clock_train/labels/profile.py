"""Which labels a file gets: by the law of where it is used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clock_train.errors import ConfigValueInvalid


class Profile(StrEnum):
    """The mark inside the sound is none of these: it is always there."""

    EU = "eu"
    """Article 50 of the AI Act: a signed, machine-readable claim beside the mark."""
    CN = "cn"
    """GB 45438-2025: the ``AIGC`` fields in the metadata, and the claim."""
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """What an installation puts into its files."""

    profile: Profile = Profile.EU
    content_producer: str = "ClockTrain"
    """For China the code or name under which the service is registered."""
    is_audible: bool = False
    """Also the tones at the start that people hear."""

    def __post_init__(self) -> None:
        if not self.content_producer.strip():
            raise ConfigValueInvalid("contentProducer is empty; give the name or code under which the service is known")


def aigc_fields(config: LabelConfig, produce_id: str, digest: str) -> dict[str, str]:
    """The fields of GB 45438-2025, annex E.

    Args:
        config: names the producer.
        produce_id: of this content, one in the world: the request's id.
        digest: of the sound, in the field that producers may use for security.
    """
    return {
        "Label": "1",  # generated, as opposed to 2 (probably) and 3 (suspected)
        "ContentProducer": config.content_producer,
        "ProduceID": produce_id,
        "ReservedCode1": digest,
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
