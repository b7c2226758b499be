"""The serving table: which version of a voice each of its aliases means, and how many of a hundred requests get it.

``serving.json`` on a laptop, a ConfigMap in a cluster. It alone decides what is served: gateways and the loader of
Triton follow it within a second, and need neither registry nor tracker for it. Every change is a function from one
table to the next; a file is replaced whole.

{"schemaVersion": 1, "voices": {"anna": {"champion": [
    {"version": 3, "digest": "9f…", "bundle": "s3://clocktrain/…", "percent": 90},
    {"version": 4, "digest": "a1…", "bundle": "s3://clocktrain/…", "percent": 10}]}}}
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from clock_train.audio.writing import write_atomically
from clock_train.errors import AliasNotFound, ServingTableInvalid, VoiceNotFound

SCHEMA_VERSION = 1
TABLE = "serving.json"
CHAMPION, PREVIOUS, CANDIDATE = "champion", "previous", "candidate"
MOST_TABLE_BYTES = 1 << 20
"""What a ConfigMap may hold."""
_ALIAS = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"


class Share(BaseModel):
    """One version, and how many of a hundred requests get it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: int = Field(ge=0)
    digest: str = Field(min_length=1, max_length=128)
    """Of the bundle's card: another bundle of the same version is not taken for it."""
    bundle: str = Field(min_length=1, max_length=1024)
    """Folder of the bundle, relative to the table's, or ``s3://``."""
    percent: int = Field(100, ge=0, le=100)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schemaVersion: int = Field(ge=1, le=SCHEMA_VERSION)
    voices: dict[str, dict[str, list[Share]]]

    @model_validator(mode="after")
    def _check(self) -> _Table:
        for voice, aliases in self.voices.items():
            for alias, shares in aliases.items():
                if not re.fullmatch(_ALIAS, alias):
                    raise ValueError(f"voices.{voice}.{alias}: an alias is small letters, digits and dashes")
                if sum(share.percent for share in shares) != 100:
                    raise ValueError(f"voices.{voice}.{alias}: the percents do not make 100")
        return self


@dataclass(frozen=True)
class ServingTable:
    """Voice → alias → shares. Values, never changed."""

    voices: Mapping[str, Mapping[str, tuple[Share, ...]]] = field(default_factory=dict)

    def aliases(self, voice: str) -> Mapping[str, tuple[Share, ...]]:
        """Of one voice; none where it is not in the table."""
        return self.voices.get(voice, {})

    def shares(self) -> list[tuple[str, Share]]:
        """Every version that some alias means, with its voice, each once."""
        found = {
            (voice, share.digest): share
            for voice, aliases in self.voices.items()
            for shares in aliases.values()
            for share in shares
        }
        return [(voice, share) for (voice, _), share in found.items()]

    def promoted(self, voice: str, share: Share) -> ServingTable:
        """With a version as the champion of all requests; the one before is ``previous``."""
        aliases = dict(self.aliases(voice))
        before = _champion(aliases)
        if before is not None and before.digest != share.digest:
            aliases[PREVIOUS] = (before,)
        aliases[CHAMPION] = (_whole(share),)
        if aliases.get(CANDIDATE) == (_whole(share),):
            del aliases[CANDIDATE]
        return self._with(voice, aliases)

    def with_canary(self, voice: str, share: Share, percent: int) -> ServingTable:
        """With a share of the champion's requests for a candidate; 0 takes it away.

        Raises:
            AliasNotFound: nothing is the champion yet.
        """
        aliases = dict(self.aliases(voice))
        champion = _champion(aliases)
        if champion is None:
            raise AliasNotFound(f'"{voice}" has no champion to share with; promote a version first')
        if percent == 100:
            return self.promoted(voice, share)
        aliases.pop(CANDIDATE, None)
        aliases[CHAMPION] = (champion,)
        if percent and share.digest != champion.digest:
            aliases[CANDIDATE] = (_whole(share),)
            parts = {"percent": 100 - percent}, {"percent": percent}
            aliases[CHAMPION] = (champion.model_copy(update=parts[0]), share.model_copy(update=parts[1]))
        return self._with(voice, aliases)

    def rolled_back(self, voice: str) -> ServingTable:
        """With the champion before this one; a second time it is this one again. A canary ends.

        Raises:
            AliasNotFound: there was none before.
        """
        aliases = dict(self.aliases(voice))
        champion, before = _champion(aliases), next(iter(aliases.get(PREVIOUS, ())), None)
        if len(aliases.get(CHAMPION, ())) > 1 and champion is not None:  # only the canary is taken back
            aliases[CHAMPION] = (champion,)
            aliases.pop(CANDIDATE, None)
            return self._with(voice, aliases)
        if champion is None or before is None:
            raise AliasNotFound(f'"{voice}" had no champion before this one; promote a version instead')
        aliases[CHAMPION], aliases[PREVIOUS] = (before,), (champion,)
        return self._with(voice, aliases)

    def _with(self, voice: str, aliases: Mapping[str, tuple[Share, ...]]) -> ServingTable:
        return ServingTable({**self.voices, voice: dict(aliases)})

    def text(self) -> str:
        """As the file has it; the same table is the same bytes."""
        voices = {
            voice: {alias: [share.model_dump() for share in shares] for alias, shares in sorted(aliases.items())}
            for voice, aliases in sorted(self.voices.items())
        }
        table = {"schemaVersion": SCHEMA_VERSION, "voices": voices}
        return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def share_for(shares: Sequence[Share], request_id: str) -> Share:
    """The version that a request gets: the same for the same id, in the shares that the percents say."""
    at = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8], "big") % 100
    for share in shares:
        if at < share.percent:
            return share
        at -= share.percent
    return shares[-1]


def table_of(content: str, where: str) -> ServingTable:
    """A table as it was written.

    Raises:
        ServingTableInvalid: it is no table; the message says what and where.
    """
    try:
        if len(content) > MOST_TABLE_BYTES:
            raise ServingTableInvalid(f'"{where}" has over {MOST_TABLE_BYTES} bytes; no table is so long')
        read = _Table.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field_name = ".".join(map(str, first["loc"])) or "the file"
        raise ServingTableInvalid(
            f'"{where}": {field_name}: {first["msg"]}; write it with "clocktrain voices", or mend it'
        ) from None
    voices = {
        voice: {alias: tuple(shares) for alias, shares in aliases.items()} for voice, aliases in read.voices.items()
    }
    return ServingTable(voices)


def read_table(path: Path) -> ServingTable:
    """The table of a file; an empty one where there is no file.

    Raises:
        ServingTableInvalid: it cannot be read, or is no table.
    """
    try:
        return table_of(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return ServingTable()
    except (OSError, UnicodeDecodeError) as error:
        raise ServingTableInvalid(f'"{path}" cannot be read ({error}); mend its permissions or its encoding') from error


def write_table(path: Path, table: ServingTable) -> None:
    """Replace the file, whole or not at all.

    Raises:
        AudioUnwritable: no room, or no permission.
    """
    content = table.text().encode()
    write_atomically(path, lambda stream: stream.write(content))


@contextmanager
def locked_table(path: Path) -> Iterator[ServingTable]:
    """The table of a file, while nobody else changes it.

    Raises:
        ServingTableInvalid: its folder is not there or cannot be written to, or what is there is no table.
    """
    try:
        descriptor = os.open(path.parent / f".{path.name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ServingTableInvalid(
            f'"{path.parent}" cannot hold the serving table ({error.strerror}); name one with --serving, in a folder '
            "that is there"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # held for milliseconds
        yield read_table(path)
    finally:
        os.close(descriptor)


def version_of(table: ServingTable, voice: str, version: int) -> Share:
    """A version that the table knows by some alias.

    Raises:
        VoiceNotFound: it does not.
    """
    for name, share in table.shares():
        if name == voice and share.version == version:
            return _whole(share)
    raise VoiceNotFound(f'no alias means version {version} of "{voice}"; name the folder of its bundle')


def _champion(aliases: Mapping[str, tuple[Share, ...]]) -> Share | None:
    """The version that is the champion where a canary goes beside it."""
    canaries = {share.digest for share in aliases.get(CANDIDATE, ())}
    shares = aliases.get(CHAMPION, ())
    return next((_whole(share) for share in shares if len(shares) == 1 or share.digest not in canaries), None)


def _whole(share: Share) -> Share:
    return share.model_copy(update={"percent": 100})


def described(table: ServingTable) -> dict[str, Any]:
    """For a script: voice → alias → versions with their percents."""
    return {
        voice: {alias: [[share.version, share.percent] for share in shares] for alias, shares in aliases.items()}
        for voice, aliases in table.voices.items()
    }
