"""A vote of a listening test, as the page sends it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MOST_SOUNDS = 2


class VoteBody(BaseModel):
    """A vote as the page posts it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trial: int
    answer: str = Field(max_length=8)
    ms: int
    plays: list[int] = Field(max_length=MOST_SOUNDS)
    ended: list[bool] = Field(max_length=MOST_SOUNDS)
