"""One tritonserver of this machine: started, watched, started again with the voices that it had, and ended whole.

Only its gRPC port is open, on 127.0.0.1 by default, with no metrics and no HTTP. A server that was killed is back
within seconds on the same port, with its voices; one that does not come up is tried again later and later, and more
than ``MOST_RESTARTS`` in a minute is given up and said.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from clock_train.errors import ClockTrainError, ServerStartFailed, ServerUnavailable, VoiceLoadFailed
from clock_train.issuing.installation import Installation
from clock_train.serving.backend_errors import coded_error, without_place
from clock_train.serving.ports import LOOPBACK, RECONNECTING, free_port, refuse_taken
from clock_train.serving.stream_probe import StreamProbe
from clock_train.serving.triton_install import find_triton
from clock_train.serving.triton_process import KEY_HEADER, STOP_S, TritonProcess
from clock_train.serving.voice_process import find_voice_process, is_voice_process

READY_S, LOAD_S = 60.0, 60.0
POLL_S = 0.05
MOST_RESTARTS, RESTARTS_WITHIN_S = 5, 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""Before another try after a start that failed; doubled each time."""
FREE_PORT_TRIES = 3
PROBE_EVERY_S, PROBE_S = 10.0, 20.0
"""Between two looks at whether streams are taken, and how long the answer may take."""
_log = logging.getLogger(__name__)


class TritonServer:
    """A server over one model repository; a context manager.

    Args:
        repository: of ``model_repository``; None takes a folder of its own, which goes with the server.
        host: address that its gRPC listens on.
        port: of its gRPC; None takes a free one.
        log_path: where it writes; by default in its own folder.
        installation: whose keys mark and verify; by default the user's own.
        traces: where a collector takes OpenTelemetry's spans, a URL; None: nothing is traced.
    """

    def __init__(
        self,
        repository: Path | None = None,
        *,
        host: str = LOOPBACK,
        port: int | None = None,
        log_path: Path | None = None,
        installation: Installation | None = None,
        traces: str | None = None,
    ) -> None:
        self._install, self._traces = find_triton(), traces
        self._folder = tempfile.TemporaryDirectory(prefix="clocktrain-triton-", ignore_cleanup_errors=True)
        own = Path(self._folder.name)
        self.repository, self._host, self._wanted_port = repository or own / "repository", host, port
        self.repository.mkdir(parents=True, exist_ok=True)
        self.installation = installation or Installation()
        self.log_path = log_path or own / "triton.log"
        self.port = 0
        self.num_restarts = 0
        self.failure: ClockTrainError | None = None
        """Why it is not started again any more."""
        self._process: TritonProcess | None = None
        self._client: triton.InferenceServerClient | None = None
        self._key = secrets.token_hex(16)
        self._headers = {KEY_HEADER: self._key}
        self._watcher: threading.Thread | None = None
        self._prober: threading.Thread | None = None
        self._is_stopping, self._is_probed_no_more = threading.Event(), threading.Event()
        self._lock = threading.Lock()  # of what follows; never held while a server works
        self._held: dict[str, int | None] = {}  # the process of each; None where none was found
        self._lost: set[str] = set()  # to be unloaded before they are loaded again
        self._turns: dict[str, threading.Lock] = {}

    def __enter__(self) -> TritonServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Host and port of its gRPC, for programs of this machine."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Of tritonserver itself."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it answers now."""
        with contextlib.suppress(InferenceServerException, grpc.RpcError):
            return self._client is not None and bool(self._client.is_server_ready(client_timeout=2.0))
        return False

    def start(self) -> TritonServer:
        """Start it and wait until it is ready.

        Raises:
            ServerPortTaken: somebody listens on the port that was asked for.
            ServerStartFailed: it ended, or was not ready in ``READY_S``.
        """
        for left in reversed(range(1 if self._wanted_port else FREE_PORT_TRIES)):
            self.port = self._wanted_port or free_port()
            refuse_taken(self.port, self._host)
            try:
                self._launch()
                break
            except ServerStartFailed as error:
                if not left or "in use" not in str(error):  # another program may take a free port first
                    raise
        self._watcher = threading.Thread(target=self._watch, name="triton-watch", daemon=True)
        self._watcher.start()
        self._prober = threading.Thread(target=self._probe, name="triton-probe", daemon=True)
        self._prober.start()
        return self

    def stop(self) -> None:
        """End it and everything of it; what is being spoken gets a few seconds."""
        self._is_probed_no_more.set()
        with self._lock:  # after this nothing is launched any more
            self._is_stopping.set()
        if self._process is not None:
            self._process.end()
        for thread in (self._watcher, self._prober):
            if thread is not None:
                thread.join(STOP_S)
        if self._client is not None:
            self._client.close()
        self._folder.cleanup()

    def holds(self, model: str) -> bool:
        """Whether a model was loaded into the server that runs now, and its process lives."""
        with self._lock:
            if model not in self._held:
                return False
            pid = self._held[model]
            if pid is None or is_voice_process(pid, model):
                return True
            del self._held[model]
            self._lost.add(model)
        _log.warning("the process %d of %s has ended; its next request loads it again", pid, model)
        return False

    def load(self, model: str) -> None:
        """Have a model loaded; when this returns, it is warm. One that is loaded already stays as it is.

        Raises:
            ExportError, VoiceLoadFailed: the voice cannot be loaded, with the backend's own code where it has one.
            ServerUnavailable: the server is not there.
        """
        with self._turn(model):
            life = self.num_restarts
            if self.holds(model):
                return
            try:
                if model in self._lost:
                    self._connected().unload_model(model, headers=self._headers, client_timeout=LOAD_S)
                self._connected().load_model(model, headers=self._headers, client_timeout=LOAD_S)
            except InferenceServerException as error:
                raise self._load_failure(model, error) from error
            pid = find_voice_process(self.pid, model)
            with self._lock:
                if life != self.num_restarts:
                    raise self.unavailable("it was started again meanwhile")
                self._held[model] = pid
                self._lost.discard(model)

    def unload(self, model: str) -> None:
        """Unload a model; one that is not loaded is no error."""
        with self._turn(model):
            self._held.pop(model, None)
            try:
                self._connected().unload_model(model, headers=self._headers, client_timeout=LOAD_S)
            except InferenceServerException as error:
                raise self.unavailable(error) from error

    def loaded(self) -> list[str]:
        """Names of the models that the server itself says are ready."""
        try:
            index = self._connected().get_model_repository_index(headers=self._headers, client_timeout=LOAD_S)
        except InferenceServerException as error:
            raise self.unavailable(error) from error
        return sorted(model.name for model in index.models if model.state == "READY")  # type: ignore[union-attr]

    def unavailable(self, cause: object) -> ClockTrainError:
        """What to say while the server does not answer."""
        return self.failure or ServerUnavailable(
            f"the speech server does not answer ({cause}); it is being started again, ask again in some seconds. Its "
            f'log is "{self.log_path}"'
        )

    def _connected(self) -> triton.InferenceServerClient:
        if self.failure is not None:
            raise self.failure
        if self._client is None:
            raise self.unavailable("not started")
        return self._client

    @contextmanager
    def _turn(self, model: str) -> Iterator[None]:
        """Loads and unloads of one model follow each other; those of others do not wait for them."""
        with self._lock:
            turn = self._turns.setdefault(model, threading.Lock())
        with turn:
            yield

    def _launch(self) -> None:
        with self._lock:
            if self._is_stopping.is_set():
                raise ServerUnavailable("the speech server is being stopped; start it again to speak")
            try:
                self._process = TritonProcess(
                    self._install,
                    folder=Path(self._folder.name),
                    repository=self.repository,
                    host=self._host,
                    port=self.port,
                    log_path=self.log_path,
                    installation=self.installation,
                    key=self._key,
                    traces=self._traces,
                )
            except OSError as error:  # of a full disk, mostly; the next try may find room
                raise ServerStartFailed(
                    f'tritonserver cannot be started: its files in "{self._folder.name}" or its log "{self.log_path}" '
                    f"cannot be written ({error.strerror}); free some room there, or name another folder in TMPDIR"
                ) from error
        if self._client is None:
            self._client = triton.InferenceServerClient(self.address, channel_args=RECONNECTING)
        try:
            self._wait_ready(self._process)
        except ServerStartFailed:
            self._process.end()
            self._client.close()
            self._client = None
            raise

    def _wait_ready(self, process: TritonProcess) -> None:
        until = time.monotonic() + READY_S
        while not self.is_ready:
            if process.is_over or time.monotonic() > until or self._is_stopping.is_set():
                how = "ended" if process.is_over else f"was not ready after {READY_S:.0f} s"
                raise ServerStartFailed(
                    f'tritonserver {how}; the end of its log "{self.log_path}":\n{process.log_end()}'
                )
            time.sleep(POLL_S)

    def _watch(self) -> None:
        times: deque[float] = deque(maxlen=MOST_RESTARTS)
        pause_s = 0.0
        while True:
            assert self._process is not None
            code = self._process.wait()
            now = time.monotonic()
            if self._is_stopping.is_set():
                return
            if len(times) == MOST_RESTARTS and now - times[0] < RESTARTS_WITHIN_S:
                _log.error('the end of its log "%s":\n%s', self.log_path, self._process.log_end())
                self.failure = ServerUnavailable(
                    f"tritonserver ended {MOST_RESTARTS + 1} times within {RESTARTS_WITHIN_S:.0f} s, the last time "
                    f"with {code}, and is not started again; the server's own output holds the end of its log. Start "
                    "clocktrain serve again, with --triton-log to keep all of it"
                )
                _log.error("%s", self.failure)
                return
            if self._is_stopping.wait(pause_s):
                return
            times.append(now)
            is_up = self._restart(code)
            pause_s = 0.0 if is_up else min(max(FIRST_PAUSE_S, 2 * pause_s), LONGEST_PAUSE_S)

    def _probe(self) -> None:
        """End a server that is ready and lets streams wait for ever, so that it is started again."""
        probe = StreamProbe(self.address)
        while not self._is_probed_no_more.wait(PROBE_EVERY_S):
            process = self._process
            if process is None or self.failure is not None or probe.is_answered(timeout_s=PROBE_S):
                continue
            # one that is starting, ending or starved answers nothing at all, and is no business of this
            if self._is_stopping.is_set() or process is not self._process or not self.is_ready:
                continue
            _log.warning("tritonserver is ready, but takes no streams any more; it is ended and started again")
            process.end()
        probe.close()

    def _restart(self, code: int) -> bool:
        """Start it once more, with what it held; whether it came up."""
        with self._lock:
            self.num_restarts += 1
            had = dict(self._held)
            self._held.clear()
            self._lost.clear()
        _log.warning("tritonserver ended with %s; starting it again on port %s", code, self.port)
        try:
            self._launch()
        except ClockTrainError as error:
            _log.error("%s", error)
            self._held.update(had)  # for the next try; nothing answers meanwhile
            return False
        for model in had:
            try:
                self.load(model)
            except ClockTrainError as error:
                _log.error("%s is not back: %s", model, error)
        return True

    def _load_failure(self, model: str, error: InferenceServerException) -> ClockTrainError:
        words = str(error.message())
        if error.status() in ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED"):
            return self.unavailable(words)
        return coded_error(words) or VoiceLoadFailed(
            f'Triton could not load "{model}" ({without_place(words)}); its log is "{self.log_path}"'
        )
