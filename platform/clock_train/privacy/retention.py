"""How long recordings are kept: rules of the installation, and whose time is over.

Two rules, each of which can be left out: days after the newest consent was given, in which a voice is made and judged;
and days after the last consent has ended or was taken back. What is over is erased as recordings and corpora with a
signed receipt; voices go by their own consent's end, and by ``clocktrain erase speaker``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

from clock_train.consent.record import ConsentRecord
from clock_train.errors import ConfigValueInvalid

RULES = "retention.json"
LONGEST_DAYS = 36_500


@dataclass(frozen=True, kw_only=True)
class RetentionRules:
    """Of one installation; None leaves a rule out."""

    recordings_days: int | None = None
    """After the newest consent of the speaker was given."""
    after_consent_days: int | None = None
    """After the last consent of the speaker ended or was taken back."""

    def __post_init__(self) -> None:
        for rule in fields(self):
            days = getattr(self, rule.name)
            if days is not None and (type(days) is not int or not 0 <= days <= LONGEST_DAYS):
                raise ConfigValueInvalid(f"{rule.name} is {days!r}; give whole days from 0 to {LONGEST_DAYS}, or none")

    @property
    def is_empty(self) -> bool:
        """Whether recordings are kept for ever."""
        return self.recordings_days is None and self.after_consent_days is None


@dataclass(frozen=True, kw_only=True)
class Due:
    """When the time of a speaker's recordings is over."""

    speaker: str
    """Pseudonym."""
    at: datetime
    why: str


def read_rules(folder: Path) -> RetentionRules:
    """The rules of an installation's folder; none where there is no file.

    Raises:
        ConfigValueInvalid: the file is not one of rules; nothing may be erased by a guess.
    """
    path = folder / RULES
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return RetentionRules(**values)
    except FileNotFoundError:
        return RetentionRules()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigValueInvalid(
            f'"{path}" holds no retention rules ({error}); give them again with "clocktrain privacy retention"'
        ) from error


def write_rules(folder: Path, rules: RetentionRules) -> None:
    """Keep the rules.

    Raises:
        ConfigValueInvalid: the folder cannot be written.
    """
    path = folder / RULES
    temporary = path.with_name(f".{RULES}-{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.write_text(json.dumps(asdict(rules), indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise ConfigValueInvalid(f'"{path}" cannot be written ({error.strerror}); mend its permissions') from error


def due_dates(records: Iterable[ConsentRecord], revoked: Mapping[str, str], rules: RetentionRules) -> list[Due]:
    """Speakers whose recordings have an end, the soonest first.

    Args:
        records: every consent that is kept.
        revoked: consent id → when it was taken back, RFC 3339.
        rules: which may be empty.
    """
    speakers: dict[str, list[ConsentRecord]] = {}
    for record in records:
        speakers.setdefault(record.speaker_id, []).append(record)
    found = [due for name, own in speakers.items() if (due := _due(name, own, revoked, rules)) is not None]
    return sorted(found, key=lambda due: (due.at, due.speaker))


def _due(
    speaker: str, records: Sequence[ConsentRecord], revoked: Mapping[str, str], rules: RetentionRules
) -> Due | None:
    ends: list[Due] = []
    given = [time for record in records if (time := record.given_at()) is not None]
    if rules.recordings_days is not None and len(given) == len(records):
        why = f"{rules.recordings_days} days after the newest consent was given"
        ends.append(Due(speaker=speaker, at=max(given) + timedelta(days=rules.recordings_days), why=why))
    ended = [time for record in records if (time := _end_of(record, revoked)) is not None]
    if rules.after_consent_days is not None and len(ended) == len(records):
        why = f"{rules.after_consent_days} days after the last consent ended"
        ends.append(Due(speaker=speaker, at=max(ended) + timedelta(days=rules.after_consent_days), why=why))
    return min(ends, key=lambda due: due.at, default=None)


def _end_of(record: ConsentRecord, revoked: Mapping[str, str]) -> datetime | None:
    times = [time for time in (revoked.get(record.id), record.expiration_time) if time is not None]
    return min((datetime.fromisoformat(time) for time in times), default=None)
