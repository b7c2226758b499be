"""What the operator was started with, and what a plan finds out on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clock_train.crd.v1alpha1 import VoiceCloneSpec
from voiceclone_operator.acceptance import Accepted, Refused
from voiceclone_operator.actions import Action
from voiceclone_operator.attempts import Outcome
from voiceclone_operator.conditions import Seen
from voiceclone_operator.observed import Letter, Observed

LONGEST_LOOK_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator was started with."""

    kuberay_namespace: str = "kuberay"
    operator_namespace: str = "clocktrain"
    cleanup_image: str = ""
    cleanup_secret: str = ""
    deletion_deadline_s: int = 900


@dataclass
class Facts:
    """What a plan finds out on its way, and the status is built from."""

    observed: Observed
    now: datetime
    spec: VoiceCloneSpec | None = None
    accepted: Accepted | None = None
    refused: Refused | None = None
    version: dict[str, Any] | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    letter: Letter = field(default_factory=Letter)
    checkpoint: dict[str, Any] | None = None
    voice: dict[str, Any] | None = None
    versions: list[dict[str, Any]] = field(default_factory=list)
    """Those that have a voice."""
    erasures: list[dict[str, Any]] = field(default_factory=list)
    """What follows from consents that were revoked."""
    erased: Seen | None = None
    """How that goes, as the condition Erased."""
    failed: Outcome | None = None
    waiting: tuple[str, str] | None = None
    """Why no attempt runs at present, as reason and message."""
    seconds: int = 0
    """Accelerator seconds of all attempts."""
    actions: list[Action] = field(default_factory=list)
    look_again_s: float | None = None

    @property
    def number(self) -> int:
        """Of the version."""
        return int(self.version["number"]) if self.version else 1

    @property
    def is_finished(self) -> bool:
        """Whether the version has its voice."""
        return self.voice is not None and self.voice["version"] == self.number

    @property
    def is_told(self) -> bool:
        """Whether the mailbox speaks of the newest attempt."""
        return bool(self.attempts) and self.letter.attempt == self.attempts[-1]["number"]

    def look_again(self, seconds: float) -> None:
        """At the latest."""
        self.look_again_s = seconds if self.look_again_s is None else min(self.look_again_s, seconds)

    def look_again_at(self, time: datetime) -> None:
        """At the latest then, and once a day: of what ends by itself there is no event."""
        self.look_again(min(LONGEST_LOOK_S, max(1.0, (time - self.now).total_seconds())))
