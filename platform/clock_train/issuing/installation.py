"""What an installation keeps for marking: keys, signing key, numbers of voices and consents, and the log.

On a laptop it is one folder of the user's, made at the first sound, and the person is told. A server names its own with
``CLOCKTRAIN_ISSUING``. Where several programs must mark and sign alike, as pods do, ``CLOCKTRAIN_KEYS`` names a folder
that is only read: its keys count, and none is ever made.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from clock_train.audit.chain import IssueLog
from clock_train.audit.log import AuditLog
from clock_train.audit.signing import Signer, open_signer, replace_secret
from clock_train.consent.registry import ConsentRegistry
from clock_train.errors import (
    AuditUnwritable,
    ConfigValueInvalid,
    KeysNotGiven,
    WatermarkKeyExists,
)
from clock_train.issuing.numbers import FolderNumbers, Numbers
from clock_train.labels.profile import LabelConfig, Profile
from clock_train.watermark.keys import TenantKeys, new_keys, read_keys, write_keys
from clock_train.watermark.payload import CONSENT_BITS, VOICE_BITS

FOLDER_VARIABLE = "CLOCKTRAIN_ISSUING"
KEYS_VARIABLE = "CLOCKTRAIN_KEYS"
SIGNING_KEY, WATERMARK_KEY = "signing.key", "watermark-key.json"
LOCAL_TENANT = "local"
_log = logging.getLogger(__name__)


def default_folder() -> Path:
    """``$CLOCKTRAIN_ISSUING``, or ``clock-train/issuing`` in the user's data folder (``$XDG_DATA_HOME``)."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "clock-train" / "issuing"


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the replicas of a gateway have in one place instead of in a folder each."""

    numbers: Numbers
    log: IssueLog
    lines_of: Callable[[str], list[dict[str, Any]]]
    """Those that were issued with a payload, by any replica."""


class Installation:
    """The files of one folder.

    Args:
        folder: by default the user's own.
        shared: what is not kept in it.
    """

    def __init__(self, folder: Path | None = None, *, shared: Shared | None = None) -> None:
        self.folder = folder or default_folder()
        self._shared = shared
        given = os.environ.get(KEYS_VARIABLE)
        self._given = Path(given) if given else None
        self.key_path = self.folder / WATERMARK_KEY
        self.signing_path = self.folder / SIGNING_KEY
        self.numbers_path = self.folder / "numbers.json"
        self._numbers = FolderNumbers(self.numbers_path) if shared is None else shared.numbers
        self.setting_path = self.folder / "marking.json"
        told = self._given or self.folder  # where keys are given, whom they trust is given as well, or nobody
        self.labels_path = told / "labels.json"
        self.trusted_path = told / "trusted-keys"
        self.log_folder = self.folder / "log"

    def keys(self, today: date) -> TenantKeys:
        """The tenant's keys; fresh ones at the first call, which is said.

        Raises:
            WatermarkKeyExposed, WatermarkKeyInvalid: there are some that cannot be trusted.
            KeysNotGiven: a folder of keys is named, and has none.
            AuditUnwritable: the folder cannot be made.
        """
        self._adopt(self.key_path)
        if not self.key_path.exists():
            try:
                write_keys(self.key_path, new_keys(LOCAL_TENANT, today))
                _log.warning(
                    'Every sound is marked. The key by which its mark is found was made now: "%s". Keep a copy of that '
                    "folder, and let nobody read it.",
                    self.key_path,
                )
            except WatermarkKeyExists:
                pass  # another process was first
            except OSError as error:
                raise self._unwritable(error) from error
        return read_keys(self.key_path)

    def signer(self) -> Signer:
        """The key that signs log, labels and bundles.

        Raises:
            KeysNotGiven, AuditDamaged, AuditUnwritable: there is none that can be used.
        """
        self._adopt(self.signing_path)
        return open_signer(self.signing_path)

    def trusted_keys(self) -> list[str]:
        """Public keys whose bundles are opened: its own, and one a line in ``trusted-keys``; ``#`` begins a comment.

        Raises:
            ConfigValueInvalid: the file cannot be read.
        """
        own = [self.signer().public_key]
        try:
            lines = self.trusted_path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return own
        except (OSError, ValueError) as error:
            raise ConfigValueInvalid(
                f'"{self.trusted_path}" cannot be read ({error}); give one public key a line, or remove it'
            ) from error
        return own + [key for line in lines if (key := line.partition("#")[0].strip())]

    def log(self) -> IssueLog:
        """The log of what was spoken."""
        return AuditLog(self.log_folder, self.signer()) if self._shared is None else self._shared.log

    def shared_lines_of(self, payload_hex: str) -> list[dict[str, Any]]:
        """The lines that a payload names of a shared log; none where the log is in the folder."""
        return [] if self._shared is None else self._shared.lines_of(payload_hex)

    def consents(self) -> ConsentRegistry:
        """Records, revocations and the newest time that was seen."""
        return ConsentRegistry(self.folder / "consents", self.signer(), self.trusted_keys())

    def label_config(self) -> LabelConfig:
        """Which labels files get: ``labels.json`` with profile, contentProducer and isAudible; by default the EU's.

        Raises:
            ConfigValueInvalid: the file has another key or value.
        """
        if not self.labels_path.exists():
            return LabelConfig()
        try:
            values = json.loads(self.labels_path.read_text(encoding="utf-8"))
            known = {"profile": "profile", "contentProducer": "content_producer", "isAudible": "is_audible"}
            fields = {known[name]: value for name, value in values.items()}
            if "profile" in fields:
                fields["profile"] = Profile(fields["profile"])
            if not isinstance(fields.get("is_audible", False), bool):
                raise ValueError("isAudible must be true or false")
            return LabelConfig(**fields)
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise ConfigValueInvalid(
                f'"{self.labels_path}" is no label configuration ({error}); give profile (cn, eu or none), '
                "contentProducer and isAudible, or remove it"
            ) from error

    def _adopt(self, path: Path) -> None:
        """Take over a key that is given. A mounted Secret is open to its pod's group, and a key may not be."""
        if self._given is None:
            return
        try:
            content = (self._given / path.name).read_bytes()
        except FileNotFoundError as error:
            raise KeysNotGiven(
                f'{KEYS_VARIABLE} names "{self._given}", and there is no {path.name} in it; put it there, or take the '
                "name away, and fresh keys are made"
            ) from error
        except OSError as error:
            raise KeysNotGiven(
                f'"{self._given / path.name}" cannot be read ({error.strerror}); mend its permissions'
            ) from error
        try:
            if not path.exists() or path.read_bytes() != content:
                replace_secret(path, content)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> AuditUnwritable:
        return AuditUnwritable(
            f'"{self.folder}" cannot be written ({error.strerror}), so no sound can be marked or logged. Mend its '
            f"permissions, or name another folder in {FOLDER_VARIABLE}"
        )

    def voice_number(self, name: str) -> int:
        """What a payload carries of a voice's name; the same for ever."""
        return self._numbers.number("voices", name, (1 << VOICE_BITS) - 1)

    def consent_number(self, consent_id: str | None) -> int:
        """What a payload carries of a consent record's id; 0 where there is none."""
        return self._numbers.number("consents", consent_id, (1 << CONSENT_BITS) - 1) if consent_id else 0
