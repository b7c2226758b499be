"""Following the serving table while it changes: what it names is brought and loaded first, and means something then.

No request is dropped: one that speaks goes on with the version that it began with, and the next one gets the new. A
table that cannot be followed changes nothing; it is said once, and tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from clock_train.errors import ClockTrainError, ServingTableInvalid
from clock_train.serving.serving_table import CHAMPION, ServingTable, Share, read_table
from clock_train.serving.voice_catalogue import ServedVoice, VoiceCatalogue

LOOK_S = 0.5
AGAIN_S = 5.0
"""After a table that could not be followed: its store may be back."""
_log = logging.getLogger(__name__)


class TableWatch:
    """Says when a file has other content: one that is mounted into a pod is replaced with the folder around it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: object = None
        self._again_at_s = float("inf")

    def changed(self) -> ServingTable | None:
        """The table where it is another than at the last look, or could not be followed then.

        Raises:
            ServingTableInvalid: it is none.
        """
        try:
            status = self.path.stat()
            seen: object = (status.st_mtime_ns, status.st_ino, status.st_size)
        except OSError:
            seen = "none"
        if seen == self._seen and time.monotonic() < self._again_at_s:
            return None
        self._seen, self._again_at_s = seen, float("inf")
        return read_table(self.path)

    def try_again(self) -> None:
        """In some seconds, though nothing changed."""
        self._again_at_s = time.monotonic() + AGAIN_S


class TableFollower:
    """Keeps a catalogue to a table.

    Args:
        path: of the table.
        catalogue: that understands the aliases.
        bring: has the bundle of a share where it can be loaded, and opens it; in a thread.
        load: returns when a voice can be asked.
    """

    def __init__(
        self,
        path: Path,
        catalogue: VoiceCatalogue,
        *,
        bring: Callable[[str, Share], ServedVoice],
        load: Callable[[ServedVoice], Awaitable[None]],
    ) -> None:
        self._watch, self._catalogue, self._bring, self._load = TableWatch(path), catalogue, bring, load
        self._said = ""
        self._followed = ServingTable()
        self._brought: set[str] = set()
        """Digests that only the table has named: what it names no more is not spoken with, whatever the reason."""

    async def look(self) -> None:
        """Follow the table, if it is another one."""
        try:
            table = await asyncio.to_thread(self._watch.changed)
            if table is None:
                return
            await self._follow(table)
            if self._said:
                _log.info("the serving table is followed again")
            self._said = ""
        except ClockTrainError as error:
            self._watch.try_again()
            if str(error) != self._said:
                self._said = str(error)
                _log.warning("the serving table before is followed still, in what this concerns: %s", error)

    async def keep(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def _follow(self, table: ServingTable) -> None:
        """Voice by voice: one that cannot be had keeps no other from coming, changing, or being taken away."""
        voices = dict[str, Mapping[str, tuple[Share, ...]]]()
        failures = list[ClockTrainError]()
        for name, aliases in table.voices.items():
            try:
                await self._have(name, aliases)
                voices[name] = aliases
            except ClockTrainError as error:
                failures.append(error)
                if name in self._followed.voices:
                    voices[name] = self._followed.voices[name]
        self._followed = ServingTable(voices)
        self._catalogue.follow(self._followed)
        gone = self._brought - {share.digest for _, share in self._followed.shares()}
        self._catalogue.forget(gone)
        self._brought -= gone
        shown = [f"{name}@{alias}" for name, aliases in voices.items() for alias in aliases]
        _log.info("the serving table is followed: %s", ", ".join(shown[:20]) or "it is empty")
        if failures:
            raise failures[0]

    async def _have(self, name: str, aliases: Mapping[str, tuple[Share, ...]]) -> None:
        """Every version that the aliases mean, and the champions loaded before anybody is sent there."""
        for share in (share for shares in aliases.values() for share in shares):
            if not self._catalogue.holds(share.digest):
                voice = await asyncio.to_thread(self._bring, name, share)
                refuse_other(name, share, voice)
                self._catalogue.add([voice])
                self._brought.add(share.digest)
        by_digest = {voice.digest: voice for voice in self._catalogue.voices}
        for share in aliases.get(CHAMPION, ()):
            await self._load(by_digest[share.digest])


def refuse_other(name: str, share: Share, voice: ServedVoice) -> None:
    """Raise where what lies at a share's place is not what the table means.

    Raises:
        ServingTableInvalid: as it says.
    """
    if (voice.digest, voice.card.name, voice.card.version) != (share.digest, name, share.version):
        raise ServingTableInvalid(
            f'"{share.bundle}" is {voice.label} of digest {voice.digest[:12]}, and the serving table means {name}@'
            f'{share.version} of {share.digest[:12]}; write the table with "clocktrain voices"'
        )
