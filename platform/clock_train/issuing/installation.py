"""What an installation keeps for marking: keys, signing key, numbers of voices and consents, and the log.

On a laptop it is one folder of the user's, made at the first sound, and the person is told. A server names its own with
``CLOCKTRAIN_ISSUING``.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from clock_train.audit.log import AuditLog
from clock_train.audit.signing import Signer, open_signer
from clock_train.errors import AuditUnwritable, ConfigValueInvalid, WatermarkKeyExists, WatermarkPayloadInvalid
from clock_train.labels.profile import LabelConfig, Profile
from clock_train.watermark.keys import TenantKeys, new_keys, read_keys, write_keys
from clock_train.watermark.payload import CONSENT_BITS, VOICE_BITS

FOLDER_VARIABLE = "CLOCKTRAIN_ISSUING"
LOCAL_TENANT = "local"
_log = logging.getLogger(__name__)


def default_folder() -> Path:
    """``$CLOCKTRAIN_ISSUING``, or ``clock-train/issuing`` in the user's data folder (``$XDG_DATA_HOME``)."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "clock-train" / "issuing"


class Installation:
    """The files of one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self.key_path = self.folder / "watermark-key.json"
        self.signing_path = self.folder / "signing.key"
        self.numbers_path = self.folder / "numbers.json"
        self.setting_path = self.folder / "marking.json"
        self.labels_path = self.folder / "labels.json"
        self.trusted_path = self.folder / "trusted-keys"
        self.log_folder = self.folder / "log"

    def keys(self, today: date) -> TenantKeys:
        """The tenant's keys; fresh ones at the first call, which is said.

        Raises:
            WatermarkKeyExposed, WatermarkKeyInvalid: there are some that cannot be trusted.
            AuditUnwritable: the folder cannot be made.
        """
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
                raise AuditUnwritable(
                    f'"{self.folder}" cannot be written ({error.strerror}), so no sound can be marked or logged. Mend '
                    f"its permissions, or name another folder in {FOLDER_VARIABLE}"
                ) from error
        return read_keys(self.key_path)

    def signer(self) -> Signer:
        """The key that signs log and labels."""
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

    def log(self) -> AuditLog:
        """The log of what was spoken."""
        return AuditLog(self.log_folder, self.signer())

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

    def voice_number(self, name: str) -> int:
        """What a payload carries of a voice's name; the same for ever."""
        return self._number("voices", name, VOICE_BITS)

    def consent_number(self, consent_id: str | None) -> int:
        """What a payload carries of a consent record's id; 0 where there is none."""
        return self._number("consents", consent_id, CONSENT_BITS) if consent_id else 0

    def _number(self, kind: str, name: str, bits: int) -> int:
        with self._locked():
            text = self.numbers_path.read_text(encoding="utf-8") if self.numbers_path.exists() else "{}"
            numbers: dict[str, dict[str, int]] = json.loads(text)
            known = numbers.setdefault(kind, {})
            if name in known:
                return known[name]
            if len(known) + 1 >= 1 << bits:
                raise WatermarkPayloadInvalid(
                    f"{len(known)} {kind} have a number, and a mark has room for no more; use another tenant's keys"
                )
            known[name] = len(known) + 1
            temporary = self.numbers_path.with_suffix(".new")
            temporary.write_text(json.dumps(numbers, ensure_ascii=False, indent=1), encoding="utf-8")
            os.replace(temporary, self.numbers_path)
            return known[name]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
