"""The two doors of a server of voices, before a Triton that runs here or elsewhere, until somebody ends them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clock_train.accounts.gatekeeper import Gatekeeper
from clock_train.api.callers import Callers
from clock_train.api.consent_gate import ConsentGate
from clock_train.api.desk import SpeechDesk
from clock_train.api.grpc_door import GrpcDoor
from clock_train.api.http_door import LOOPBACK_NAMES, http_app
from clock_train.api.http_server import HttpServer
from clock_train.api.measures import Measures, metrics_app
from clock_train.api.replicas import shared_installation
from clock_train.api.table_following import TableFollower
from clock_train.api.tls import TlsFolder
from clock_train.api.tracing import Tracing
from clock_train.compliance.text_policy.policy import read_policy
from clock_train.errors import AccountsMissing, ClockTrainError, TlsMissing
from clock_train.issuing.access import SERVER, Access, record_access
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer
from clock_train.listening.rooms import ListeningRooms
from clock_train.listening.sending import sender_for
from clock_train.models.sentences import read_sentences
from clock_train.serving.freed_memory import GivenBack
from clock_train.serving.ports import LOOPBACK, LOOPBACKS, listening, refuse_taken
from clock_train.serving.resident_voices import ResidentVoices
from clock_train.serving.serving_table import Share
from clock_train.serving.voice_catalogue import ServedVoice, VoiceCatalogue
from clock_train.serving.voice_client import VoiceClient
from clock_train.serving.voice_server import VoiceServer
from clock_train.text.lexicon_folder import LexiconFolder

GRACE_S = 5
"""For calls that run when somebody ends the server."""
WATCH_S = 0.5
WARM_UP_TEXTS = {"zh": "你好。", "en": "Good morning."}
"""Read before anybody asks: the dictionaries of a language take up to half a second."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DoorsConfig:
    """Where to listen."""

    host: str = LOOPBACK
    http_port: int = 8880
    grpc_port: int = 8881
    """0 takes a free one, of each."""
    lexicons: Path | None = None
    """Folder of pronunciation lexicons, one folder a tenant in it; None has none."""
    listening: Path | None = None
    """Folder of a listening test, or of several; None has none."""
    accounts: str | None = None
    """Address of the keys, quotas and usage; None: without keys."""
    has_open_lists: bool = False
    """Whether models and voices are listed for who has no key."""
    tls: Path | None = None
    """Folder of a certificate and its key; None speaks plainly."""
    is_plain: bool = False
    """Whether others than this machine may be answered without TLS, because something before it ends theirs."""
    metrics_port: int | None = None
    """None: no metrics."""
    traces: str | None = None
    """Address of a collector of OpenTelemetry's traces; None: none."""
    drain_s: float = 0.0
    """Before the doors close, for whoever balances requests to see that this server is going."""
    grace_s: float = GRACE_S
    """For calls that run when the doors close."""
    text_policy: Path | None = None
    """What voices may be asked to say; None: everything."""
    purposes: Sequence[str] = ()
    """What the speech of who needs no key is for; none: demonstrations."""
    territories: Sequence[str] = ()
    """Where it will be heard; none: worldwide."""
    without_keys: bool = False
    """Whether others than this machine may speak without a key, because something before it asks for one."""

    def refuse(self) -> None:
        """Raise where it may not listen, or somebody does already, before anything is started for it.

        Raises:
            AccountsMissing: others could speak without a key.
            TlsMissing, TlsUnreadable: others could read along.
            ListeningTestInvalid, VotesUnwritable: a listening test cannot be held.
            TextPolicyInvalid: what voices may say cannot be read.
            ServerPortTaken: as it says.
        """
        if self.host not in LOOPBACKS and self.accounts is None and not self.without_keys:
            raise AccountsMissing(
                f"listening on {self.host} without keys would let anybody speak with every voice here; give --accounts "
                "(clocktrain apikeys makes keys), or --without-keys where something before it asks for some"
            )
        if self.host not in LOOPBACKS and self.tls is None and not self.is_plain:
            raise TlsMissing(
                f"listening on {self.host} without TLS would show keys and texts to the network; give --tls DIR, or "
                "--plaintext where an ingress or a mesh before it speaks TLS"
            )
        if self.tls is not None:
            TlsFolder(self.tls)
        if self.listening is not None:
            ListeningRooms(self.listening).rooms()
        if self.text_policy is not None:
            read_policy(self.text_policy)
        if self.metrics_port:
            refuse_taken(self.metrics_port, self.host)
        refuse_taken(self.http_port, self.host)
        refuse_taken(self.grpc_port, self.host)


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Where a server that is ready can be reached."""

    http: str
    grpc: str
    triton: str
    voices: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class FollowedTable:
    """A serving table, and how what it names is had."""

    path: Path
    bring: Callable[[str, Share], ServedVoice]
    """Has the bundle of a share where the server can load it, and opens it."""


def keep_open(
    config: DoorsConfig,
    server: VoiceServer,
    catalogue: VoiceCatalogue,
    *,
    resident: int,
    installation: Installation,
    table: FollowedTable | None,
    on_ready: Callable[[Doors], None],
    is_replica: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: where to listen.
        server: which speaks.
        catalogue: what it may be asked for.
        resident: voices that it holds at once.
        installation: whose log knows every sound.
        table: that decides what aliases mean, if one does.
        on_ready: called once, when speech can be asked for.
        is_replica: whether numbers and log are kept where the accounts are, if others can reach them there.

    Raises:
        ServerPortTaken: another program listens on a port that was asked for.
        ServerUnavailable: the server ended too often.
        ClockTrainError: why no voice at all can be served.
    """
    asyncio.run(_Doors(config, server, catalogue, resident, installation, table, is_replica).run(on_ready))


class _Doors:
    def __init__(
        self,
        config: DoorsConfig,
        server: VoiceServer,
        catalogue: VoiceCatalogue,
        resident: int,
        installation: Installation,
        table: FollowedTable | None,
        is_replica: bool,
    ) -> None:
        self._table, self._is_replica = table, is_replica
        self._config, self._server, self._catalogue = config, server, catalogue
        self._resident, self._installation = resident, installation
        self._tls = None if config.tls is None else TlsFolder(config.tls)
        self._measures = Measures()
        self._stopping = asyncio.Event()
        self._is_ready = False

    async def run(self, on_ready: Callable[[Doors], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        async with contextlib.AsyncExitStack() as opened:
            await self._open(opened, on_ready)
        if self._server.failure is not None:
            raise self._server.failure

    def _record_load(self, model: str) -> None:
        """The line in the log of a voice that comes into memory."""
        voice = next((each for each in self._catalogue.voices if each.model == model), None)
        if voice is None:
            return  # it was taken from the table in between
        record_access(
            self._installation,
            Access.LOAD,
            voice=voice.label,
            by=SERVER,
            digest=voice.digest,
            speakers=voice.card.speakers,
            consent_ids=voice.card.consent_ids,
        )

    async def _open(self, opened: contextlib.AsyncExitStack, on_ready: Callable[[Doors], None]) -> None:
        """Everything, until it is to end; what was opened last is closed first."""
        config = self._config
        gatekeeper = None
        if config.accounts is not None:
            gatekeeper = await asyncio.to_thread(Gatekeeper, config.accounts)
            opened.push_async_callback(asyncio.to_thread, gatekeeper.close)
            if self._is_replica and gatekeeper.store.is_shared:
                self._installation = await asyncio.to_thread(shared_installation, self._installation, gatekeeper)
        client = VoiceClient(self._server.address)
        opened.push_async_callback(client.close)
        opened.push_async_callback(asyncio.to_thread, GivenBack().stop)
        callers = Callers(gatekeeper, has_open_lists=config.has_open_lists, uses=(config.purposes, config.territories))
        residents = ResidentVoices(self._server, most=self._resident, before_load=self._record_load)
        issuer = Issuer(self._installation)
        tracing = Tracing(config.traces)
        opened.push_async_callback(asyncio.to_thread, tracing.close)
        policy = None if config.text_policy is None else read_policy(config.text_policy)
        desk = SpeechDesk(
            self._catalogue, residents, client,
            issuer=issuer, gate=ConsentGate(self._installation.consents()), measures=self._measures, tracing=tracing,
            policy=policy,
        )  # fmt: skip
        lexicons = LexiconFolder(config.lexicons)
        hosts = LOOPBACK_NAMES if config.host in LOOPBACKS else None
        if config.metrics_port is not None:
            await self._serve(opened, metrics_app(self._measures, gatekeeper), config.metrics_port, tls=None)
        grpc_door = GrpcDoor(desk, callers, lexicons, host=config.host, port=config.grpc_port, tls=self._tls)
        listening = None if config.listening is None else ListeningRooms(config.listening)
        sender = None if listening is None else sender_for(listening)
        if sender is not None:
            sender.start()
            opened.push_async_callback(asyncio.to_thread, sender.close)
        app = http_app(
            desk, callers, lexicons, self._installation,
            is_ready=lambda: self._is_ready, hosts=hosts, listening=listening,
        )  # fmt: skip
        port, serving = await self._serve(opened, app, config.http_port, tls=self._tls)
        opened.push_async_callback(grpc_door.stop, config.grace_s)
        # first, so that probes are answered while voices are loaded
        await grpc_door.say_ready(False)
        await grpc_door.start()
        follower = self._follower(residents)
        if follower is not None:
            await follower.look()
        await self._warm(residents)
        if follower is not None:
            opened.callback(asyncio.create_task(follower.keep()).cancel)
        await self._say(grpc_door, await asyncio.to_thread(self._can_speak))
        on_ready(
            Doors(
                http=f"http{'s' if self._tls else ''}://{_spelled(config.host)}:{port}",
                grpc=f"{_spelled(config.host)}:{grpc_door.port}",
                triton=self._server.address,
                voices=[voice.label for voice in self._catalogue.voices],
            )
        )
        try:
            await self._watch(grpc_door, serving)
        finally:
            await self._say(grpc_door, False)
        if config.drain_s and self._server.failure is None:
            await asyncio.sleep(config.drain_s)  # who balances requests sees that this one is going

    async def _serve(
        self, opened: contextlib.AsyncExitStack, app: object, port: int, *, tls: TlsFolder | None
    ) -> tuple[int, asyncio.Task[None]]:
        """Serve HTTP until the stack is closed."""
        heard = listening(port, self._config.host)
        server = HttpServer(app, grace_s=self._config.grace_s, tls=tls)
        serving = asyncio.create_task(server.serve(sockets=[heard]))

        async def end() -> None:
            server.should_exit = True
            await asyncio.wait({serving}, timeout=2 * self._config.grace_s)

        opened.push_async_callback(end)
        return int(heard.getsockname()[1]), serving

    async def _say(self, grpc_door: GrpcDoor, is_ready: bool) -> None:
        self._is_ready = is_ready
        self._measures.is_ready.set(is_ready)
        await grpc_door.say_ready(is_ready)

    def _follower(self, residents: ResidentVoices) -> TableFollower | None:
        if self._table is None:
            return None

        async def load(voice: ServedVoice) -> None:
            async with residents.use(voice.model):
                pass

        return TableFollower(self._table.path, self._catalogue, bring=self._table.bring, load=load)

    async def _warm(self, residents: ResidentVoices) -> None:
        """Load as many voices as have a place; a broken one is said, and keeps nobody from speaking with others."""
        failures: list[ClockTrainError] = []
        for voice in self._catalogue.voices[: self._resident]:
            if self._stopping.is_set():
                return
            for language in WARM_UP_TEXTS.keys() & set(voice.card.languages):
                await asyncio.to_thread(read_sentences, WARM_UP_TEXTS[language], language)
            try:
                async with residents.use(voice.model):
                    pass
            except ClockTrainError as error:
                _log.warning("%s is not loaded: %s", voice.label, error)
                failures.append(error)
        if failures and not residents.names():
            raise failures[0]

    def _can_speak(self) -> bool:
        return bool(self._catalogue.voices) and self._server.is_ready

    async def _watch(self, grpc_door: GrpcDoor, http_serving: asyncio.Task[None]) -> None:
        """Until somebody ends it, or a door or Triton is lost: say whether it is ready."""
        while not self._stopping.is_set() and self._server.failure is None:
            if http_serving.done():
                http_serving.result()  # says why, or somebody told it to end
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WATCH_S)
            if self._tls is not None:
                await asyncio.to_thread(self._tls.look)
            is_ready = await asyncio.to_thread(self._can_speak)
            if is_ready != self._is_ready and not self._stopping.is_set():
                await self._say(grpc_door, is_ready)


def _spelled(host: str) -> str:
    return f"[{host}]" if ":" in host else host
