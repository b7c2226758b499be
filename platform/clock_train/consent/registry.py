"""What an installation keeps about consents: every record, what was taken back, what was asked, and the newest time.

One folder, beside the keys. A revocation is signed and kept apart from the record, so that a copy of a record from
before it revives nothing; the newest time that was ever seen is kept, so that a clock moved back does not either.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from clock_train.audit.signing import Signer, is_signed
from clock_train.consent.challenge import Challenge
from clock_train.consent.record import ConsentRecord, read_record, write_record
from clock_train.consent.signature import check_signature, signed
from clock_train.errors import AuditDamaged, AuditUnwritable, ConsentInvalid, ConsentMissing, StatementReplayed

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_OF_ONE = ".json"


class ConsentRegistry:
    """The consents of one installation.

    Args:
        folder: made at the first write.
        signer: the installation's key.
        trusted_keys: public keys whose records count here, its own among them.
    """

    def __init__(self, folder: Path, signer: Signer, trusted_keys: Sequence[str]) -> None:
        self.folder = folder
        self._signer, self._trusted = signer, list(trusted_keys)
        self._records, self._challenges = folder / "records", folder / "challenges"
        self._revocations, self._newest = folder / "revocations.jsonl", folder / "newest-time"

    def keep(self, record: ConsentRecord) -> ConsentRecord:
        """Sign a record and keep a copy.

        Raises:
            ConsentInvalid: its id cannot name a file, or names another record already.
            StatementReplayed: the statement is that of another record.
            AuditUnwritable: the folder cannot be written.
        """
        _check_id(record.id)
        with self._locked():
            for other in self._read_all():
                if other.id == record.id and signed(other, self._signer) != signed(record, self._signer):
                    raise ConsentInvalid(f'there is another consent "{record.id}" already; give this one another id')
                if (
                    other.id != record.id
                    and not record.is_licence
                    and other.statement_sha256 == record.statement_sha256
                ):
                    raise StatementReplayed(
                        f'this statement was given for the consent "{other.id}" already; record a new one'
                    )
            record = signed(record, self._signer)
            self._records.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_record(self._records / f"{record.id}{_OF_ONE}", record)
        return record

    def records(self) -> list[ConsentRecord]:
        """Every record that is kept, by id."""
        return self._read_all()

    def find(self, consent_id: str) -> ConsentRecord:
        """One record.

        Raises:
            ConsentMissing: none of that id is kept here.
        """
        _check_id(consent_id)
        path = self._records / f"{consent_id}{_OF_ONE}"
        if not path.exists():
            known = ", ".join(sorted(each.stem for each in self._records.glob(f"*{_OF_ONE}"))[:8]) or "none"
            raise ConsentMissing(f'there is no consent "{consent_id}" here; there are {known}')
        return read_record(path)

    def check(self, record: ConsentRecord) -> None:
        """Raises ``ConsentUnsigned`` or ``ConsentForged`` where no trusted key signed exactly this."""
        check_signature(record, self._trusted)

    def revoke(self, consent_id: str, *, now: datetime) -> ConsentRecord:
        """Take a consent back, for good; a second time changes nothing.

        Raises:
            ConsentMissing: none of that id is kept here.
            AuditUnwritable: the folder cannot be written.
        """
        record = self.find(consent_id)
        with self._locked():
            if consent_id not in self.revoked():
                line = {"id": consent_id, "time": now.astimezone(UTC).isoformat(timespec="seconds")}
                line["signature"] = self._signer.sign(_revocation_bytes(line))
                with self._revocations.open("a", encoding="utf-8") as file:
                    file.write("\n" + json.dumps(line) + "\n")  # its own line, also after a torn one
                    file.flush()
                    os.fsync(file.fileno())
            record = signed(replace(record, revoked=True), self._signer)
            write_record(self._records / f"{consent_id}{_OF_ONE}", record)
        return record

    def revoked(self) -> dict[str, str]:
        """Consent id → when it was taken back.

        Raises:
            AuditDamaged: a line was altered.
        """
        found: dict[str, str] = {}
        try:
            lines = self._revocations.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return found
        for number, text in enumerate(lines, start=1):
            try:
                line = json.loads(text)
            except ValueError:
                continue  # torn: its writer died before it answered
            try:
                intact = any(is_signed(_revocation_bytes(line), line["signature"], key) for key in self._trusted)
            except (KeyError, TypeError):
                intact = False
            if not intact:
                raise AuditDamaged(
                    f'line {number} of "{self._revocations}" was altered: what was taken back is not known for sure, '
                    "so nothing may be made. Restore the file from its copy"
                )
            found[line["id"]] = line["time"]
        return found

    def ask(self, challenge: Challenge) -> None:
        """Keep a sentence that a speaker is asked to say."""
        with self._locked():
            self._challenges.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._challenges / f"{challenge.id}{_OF_ONE}").write_text(challenge.json(), encoding="utf-8")

    def asked(self, challenge_id: str, *, now: datetime) -> Challenge:
        """A sentence that was asked and not yet answered.

        Raises:
            StatementReplayed: it was never asked here, was answered already, or too long ago.
        """
        _check_id(challenge_id)
        try:
            text = (self._challenges / f"{challenge_id}{_OF_ONE}").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise StatementReplayed(
                f'no sentence "{challenge_id}" waits for an answer here: it was answered, or never asked. Ask for a '
                'new one with "clocktrain consent prompt"'
            ) from None
        challenge = Challenge.of_json(text)
        challenge.check_fresh(now)
        return challenge

    def answered(self, challenge_id: str) -> None:
        """Forget a sentence: it counts once."""
        _check_id(challenge_id)
        with contextlib.suppress(FileNotFoundError):
            (self._challenges / f"{challenge_id}{_OF_ONE}").unlink()

    def newest_time(self, now: datetime) -> datetime:
        """The later of now and of the newest time that was seen here; remembers it, where it can."""
        try:
            seen = datetime.fromisoformat(self._newest.read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            seen = now
        if now > seen or not self._newest.exists():
            with contextlib.suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                temporary = self._newest.with_name(f".newest-{os.getpid()}")
                temporary.write_text(now.astimezone(UTC).isoformat(timespec="seconds"), encoding="utf-8")
                os.replace(temporary, self._newest)
        return max(now, seen)

    def _read_all(self) -> list[ConsentRecord]:
        return [read_record(path) for path in sorted(self._records.glob(f"*{_OF_ONE}"))]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            except OSError as error:
                raise self._unwritable(error) from error
        finally:
            os.close(descriptor)

    def _unwritable(self, error: OSError) -> AuditUnwritable:
        return AuditUnwritable(f'"{self.folder}" cannot be written ({error.strerror}); mend its permissions or space')


def _revocation_bytes(line: dict[str, str]) -> bytes:
    return json.dumps({"revoked": line["id"], "time": line["time"]}, sort_keys=True).encode()


def _check_id(text: str) -> None:
    if not _ID.fullmatch(text):
        raise ConsentInvalid(
            f"{text!r} is no id of a consent; use letters, digits, dots, dashes and underscores, at most 128"
        )
