"""``clocktrain triton``: Triton with voices and no doors of its own; a gateway elsewhere asks it.

It loads every voice it was given and keeps them all, since several gateways may ask it at once. Whoever reaches its
port may have anything spoken, marked and logged, and nothing else: a key that only this process has closes the rest.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clock_train.api.bundle_places import VoicePlaces, bundles_at, place_of
from clock_train.api.table_following import TableWatch, refuse_other
from clock_train.api.tracing import traces_url
from clock_train.bundle.card import card_digest
from clock_train.bundle.opening import Bundle
from clock_train.compliance.report_store import refuse_blocked
from clock_train.errors import ClockTrainError
from clock_train.issuing.installation import Installation
from clock_train.serving.model_repository import write_model
from clock_train.serving.ports import LOOPBACK
from clock_train.serving.serving_table import ServingTable, Share
from clock_train.serving.triton_server import TritonServer
from clock_train.serving.voice_catalogue import ServedVoice, VoiceCatalogue, served_of, served_voice

WATCH_S = 0.5
UNNAMED_S = 60.0
"""Gateways may send requests for a version that the table named until a moment ago."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TritonConfig:
    """What a Triton holds, and where it listens."""

    places: VoicePlaces
    host: str = LOOPBACK
    port: int | None = None
    """None takes a free one."""
    log_path: Path | None = None
    """By default in a folder that goes with it."""
    traces: str | None = None
    """Address of a collector of OpenTelemetry's traces; None: none."""


@contextmanager
def triton_with_voices(config: TritonConfig) -> Iterator[tuple[TritonServer, VoiceCatalogue]]:
    """A Triton that runs, with the voices in its repository; none is loaded yet.

    Raises:
        VoiceNotFound: no bundle in one of the places.
        StorageError: a bundle cannot be fetched.
        ServerPortTaken: another program listens on a port that was asked for.
        ServerStartFailed: Triton does not start.
        ClockTrainError: why the only voice there is cannot be served.
    """
    installation = Installation()
    triton = TritonServer(
        host=config.host,
        port=config.port,
        log_path=config.log_path,
        installation=installation,
        traces=None if config.traces is None else traces_url(config.traces),
    )
    try:
        with tempfile.TemporaryDirectory(prefix="clocktrain-voices-", dir=triton.repository.parent) as fetched:
            folders = config.places.bundles(Path(fetched))
            keys = installation.trusted_keys()
            catalogue = VoiceCatalogue([])  # a table may come to name some
            if folders:
                catalogue = served_of(folders, lambda folder: _taken(triton, folder, keys))
        yield triton.start(), catalogue
    finally:
        triton.stop()


def brought(triton: TritonServer, config: TritonConfig, name: str, share: Share) -> ServedVoice:
    """A version that the serving table names, in the repository of a Triton that runs.

    Raises:
        ServingTableInvalid: another one lies at its place.
        StorageError, VoiceNotFound, ExportError, ModelRepositoryUnwritable: it cannot be had, or may not be served.
    """
    assert config.places.followed is not None
    place, keys = place_of(share, config.places.followed), triton.installation.trusted_keys()
    with tempfile.TemporaryDirectory(prefix="clocktrain-voices-", dir=triton.repository.parent) as fetched:
        for folder in bundles_at(place, Path(fetched)):
            voice = served_voice(_taken(triton, folder, keys))
            refuse_other(name, share, voice)
            return voice
    raise AssertionError("bundles_at gives one or raises")


def _taken(triton: TritonServer, folder: Path, keys: Sequence[str]) -> Bundle:
    """A bundle in the repository, unless its compliance check found what blocks it."""
    refuse_blocked(card_digest(folder), triton.installation)
    return write_model(triton.repository, folder, trusted_keys=keys)


def keep_voices(config: TritonConfig, *, on_ready: Callable[[str, list[str]], None]) -> None:
    """Hold voices for gateways until SIGINT or SIGTERM, and those that a serving table comes to name.

    Args:
        config: what and where; all of it is loaded.
        on_ready: called once with the address and the voices that are loaded.

    Raises:
        ServerUnavailable: Triton ended too often.
        ClockTrainError: why no voice at all can be loaded; and what ``triton_with_voices`` raises.
    """
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with triton_with_voices(config) as (triton, catalogue):
        pool = _Pool(triton, config, catalogue)
        failures = list[ClockTrainError]()
        for voice in catalogue.voices:
            if is_over.is_set():
                return
            failures += pool.take(voice)
        if failures and not pool.loaded:
            raise failures[0]
        pool.follow()
        on_ready(triton.address, [voice.label for voice in pool.loaded])
        while not is_over.wait(WATCH_S):
            if triton.failure is not None:
                raise triton.failure
            pool.follow()
            pool.bring_back()


class _Pool:
    """The voices of a Triton that nobody steers but this."""

    def __init__(self, triton: TritonServer, config: TritonConfig, catalogue: VoiceCatalogue) -> None:
        self._triton, self._config = triton, config
        self._given = {voice.digest for voice in catalogue.voices}
        self.loaded: list[ServedVoice] = []
        self._watch = None if config.places.followed is None else TableWatch(config.places.followed)
        self._named: set[str] = set()
        """Digests that the table named at some time, and that therefore go when it names them no more."""
        self._unnamed_since: dict[str, float] = {}
        self._said = ""

    def take(self, voice: ServedVoice) -> list[ClockTrainError]:
        """Load a voice; why it is not, if it is not."""
        try:
            self._triton.load(voice.model)
            self.loaded.append(voice)
            return []
        except ClockTrainError as error:
            _log.warning("%s is not loaded: %s", voice.label, error)
            return [error]

    def bring_back(self) -> None:
        """Load again what was lost."""
        for voice in self.loaded:
            if not self._triton.holds(voice.model) and self._triton.is_ready:
                with contextlib.suppress(ClockTrainError):  # its end was said; tried again at the next look
                    self._triton.load(voice.model)

    def follow(self) -> None:
        """Load what the table came to name, and let go of what it has not named for a while."""
        if self._watch is None:
            return
        try:
            table = self._watch.changed()
            if table is not None:
                self._follow(table)
            self._said = ""
        except ClockTrainError as error:
            self._watch.try_again()
            if str(error) != self._said:
                self._said = str(error)
                _log.warning("the serving table before is followed still: %s", error)
        self._let_go()

    def _follow(self, table: ServingTable) -> None:
        """A version that cannot be had keeps no other from coming, or from being let go."""
        there = {voice.digest for voice in self.loaded}
        named = {share.digest for _, share in table.shares()}
        failures = list[ClockTrainError]()
        for name, share in table.shares():
            if share.digest not in there:
                try:
                    voice = brought(self._triton, self._config, name, share)
                    self._triton.load(voice.model)
                except ClockTrainError as error:
                    failures.append(error)
                    continue
                self.loaded.append(voice)
                _log.info("%s is loaded: the serving table names it", voice.label)
        now_s = time.monotonic()
        gone = self._named - named
        self._unnamed_since = {digest: self._unnamed_since.get(digest, now_s) for digest in gone}
        self._named |= named - self._given
        if failures:
            raise failures[0]

    def _let_go(self) -> None:
        now_s = time.monotonic()
        for digest in [each for each, since_s in self._unnamed_since.items() if now_s - since_s > UNNAMED_S]:
            del self._unnamed_since[digest]
            self._named.discard(digest)
            for voice in [each for each in self.loaded if each.digest == digest]:
                self.loaded.remove(voice)
                with contextlib.suppress(ClockTrainError):
                    self._triton.unload(voice.model)
                _log.info("%s is let go: the serving table names it no more", voice.label)
