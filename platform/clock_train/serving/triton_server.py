"""One tritonserver on loopback: started, watched, started again with the voices that it had, and ended whole.

Only its gRPC port is open, on 127.0.0.1, with no metrics and no HTTP. A server that was killed is back within seconds
on the same port; more than ``MOST_RESTARTS`` in a minute is given up and said. ``triton_guard`` ends it when this
process ends in whatever way.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import grpc
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from clock_train import errors
from clock_train.errors import ClockTrainError, ServerPortTaken, ServerStartFailed, ServerUnavailable, VoiceLoadFailed
from clock_train.issuing.installation import FOLDER_VARIABLE, Installation
from clock_train.serving import triton_guard
from clock_train.serving.triton_install import find_triton

LOOPBACK = "127.0.0.1"
READY_S, LOAD_S, STOP_S = 60.0, 60.0, 20.0
POLL_S = 0.05
MOST_RESTARTS, RESTARTS_WITHIN_S = 5, 60.0
FREE_PORT_TRIES = 3
EXIT_TIMEOUT_S = 5
_CODE = re.compile(r"\b([A-Z][A-Za-z]+): ")
_log = logging.getLogger(__name__)


class TritonServer:
    """A server over one model repository; a context manager.

    Args:
        repository: of ``model_repository``.
        port: of its gRPC; None takes a free one.
        log_path: where it writes; by default in its own folder, which goes with it.
        installation: whose keys mark and verify; by default the user's own.
    """

    def __init__(
        self,
        repository: Path,
        *,
        port: int | None = None,
        log_path: Path | None = None,
        installation: Installation | None = None,
    ) -> None:
        self._install = find_triton()
        self._repository, self._wanted_port = repository, port
        self._installation = installation or Installation()
        self._folder = tempfile.TemporaryDirectory(prefix="clocktrain-triton-")
        self.log_path = log_path or Path(self._folder.name) / "triton.log"
        self._pid_file = Path(self._folder.name) / "pid"
        self.port = 0
        self._guard: subprocess.Popen[bytes] | None = None
        self._client: triton.InferenceServerClient | None = None
        self._is_stopping = threading.Event()
        self._lock = threading.RLock()
        self._watcher: threading.Thread | None = None
        self._failure: ClockTrainError | None = None
        self.num_restarts = 0
        self.resident: Callable[[], list[str]] = list
        """Says which models a restarted server loads; set by whoever loads them."""

    def __enter__(self) -> TritonServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Host and port of its gRPC."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Of tritonserver itself."""
        return int(self._pid_file.read_text(encoding="utf-8"))

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
            refuse_taken(self.port)
            try:
                self._launch()
                break
            except ServerStartFailed:
                self._end_guard()
                if not left or "in use" not in self._log_end():  # another program may take a free port first
                    raise
        self._watcher = threading.Thread(target=self._watch, name="triton-watch", daemon=True)
        self._watcher.start()
        return self

    def stop(self) -> None:
        """End it and everything of it; what is being spoken gets a few seconds."""
        self._is_stopping.set()
        with self._lock:
            self._end_guard()
        if self._watcher is not None:
            self._watcher.join(STOP_S)
        self._folder.cleanup()

    def load(self, model: str) -> None:
        """Load a model; when this returns, it is warm.

        Raises:
            ExportError, VoiceLoadFailed: the voice cannot be loaded, with the backend's own code where it has one.
            ServerUnavailable: the server is not there.
        """
        try:
            self._connected().load_model(model, client_timeout=LOAD_S)
        except InferenceServerException as error:
            raise self._load_failure(model, error) from error

    def unload(self, model: str) -> None:
        """Unload a model; one that is not loaded is no error."""
        try:
            self._connected().unload_model(model, client_timeout=LOAD_S)
        except InferenceServerException as error:
            raise self.unavailable(error) from error

    def loaded(self) -> list[str]:
        """Names of the models that the server itself says are ready."""
        try:
            index = self._connected().get_model_repository_index(client_timeout=LOAD_S)
        except InferenceServerException as error:
            raise self.unavailable(error) from error
        return sorted(model.name for model in index.models if model.state == "READY")  # type: ignore[union-attr]

    def unavailable(self, cause: object) -> ClockTrainError:
        """What to say while the server does not answer."""
        return self._failure or ServerUnavailable(
            f"the speech server does not answer ({cause}); it is being started again, ask again in some seconds. Its "
            f'log is "{self.log_path}"'
        )

    def _connected(self) -> triton.InferenceServerClient:
        if self._failure is not None:
            raise self._failure
        if self._client is None:
            raise self.unavailable("not started")
        return self._client

    def _launch(self) -> None:
        prefix = f"clocktrain-{secrets.token_hex(4)}-"
        folder = Path(self._folder.name)
        command = [
            str(self._install.server),
            f"--model-repository={self._repository}",
            "--model-control-mode=explicit",
            f"--backend-directory={self._install.backends(folder)}",
            "--allow-http=false",
            "--allow-metrics=false",
            # it would start every model twice, and the config is complete
            "--disable-auto-complete-config",
            f"--grpc-address={LOOPBACK}",
            f"--grpc-port={self.port}",
            f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
            f"--backend-config=python,shm-region-prefix-name={prefix}",
        ]
        environment = {
            **os.environ,
            **self._install.environment(),
            FOLDER_VARIABLE: str(self._installation.folder),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",  # its pool of threads is memory for nothing
            "MALLOC_ARENA_MAX": "2",
        }
        self._pid_file.unlink(missing_ok=True)
        guard = [sys.executable, "-I", "-S", triton_guard.__file__, str(self._pid_file), prefix, *command]
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._guard = subprocess.Popen(
                guard, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        if self._client is not None:
            self._client.close()
        self._client = triton.InferenceServerClient(self.address)
        self._wait_ready()

    def _wait_ready(self) -> None:
        until = time.monotonic() + READY_S
        assert self._guard is not None
        while not self.is_ready:
            if self._guard.poll() is not None or time.monotonic() > until:
                how = "ended" if self._guard.poll() is not None else f"was not ready after {READY_S:.0f} s"
                raise ServerStartFailed(f'tritonserver {how}; the end of its log "{self.log_path}":\n{self._log_end()}')
            time.sleep(POLL_S)

    def _watch(self) -> None:
        times: deque[float] = deque(maxlen=MOST_RESTARTS)
        while not self._is_stopping.is_set():
            guard = self._guard
            assert guard is not None
            guard.wait()
            with self._lock:
                if self._is_stopping.is_set():
                    return
                now = time.monotonic()
                if len(times) == MOST_RESTARTS and now - times[0] < RESTARTS_WITHIN_S:
                    self._failure = ServerUnavailable(
                        f"tritonserver ended {MOST_RESTARTS + 1} times within {RESTARTS_WITHIN_S:.0f} s and is not "
                        f'started again; read its log "{self.log_path}", then start clocktrain serve again'
                    )
                    _log.error("%s", self._failure)
                    return
                times.append(now)
                self._restart(guard.returncode)

    def _restart(self, code: int) -> None:
        _log.warning("tritonserver ended with %s; starting it again on port %s", code, self.port)
        self.num_restarts += 1
        try:
            self._launch()
        except ClockTrainError as error:
            _log.error("%s", error)
            self._end_guard()
            return
        for model in self.resident():
            try:
                self.load(model)
            except ClockTrainError as error:
                _log.error("%s is not back: %s", model, error)

    def _end_guard(self) -> None:
        if self._guard is None:
            return
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError):
            self._guard.stdin.close()
        try:
            self._guard.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # the system then kills the server
            self._guard.wait(STOP_S)

    def _load_failure(self, model: str, error: InferenceServerException) -> ClockTrainError:
        words = str(error.message())
        if error.status() in ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED"):
            return self.unavailable(words)
        return coded_error(words) or VoiceLoadFailed(
            f'Triton could not load "{model}" ({words}); its log is "{self.log_path}"'
        )

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return self.log_path.read_bytes()[-1_500:].decode("utf-8", "replace")
        return "(no log)"


def coded_error(words: str) -> ClockTrainError | None:
    """The error that a backend raised, read back from its words; None where they hold no code."""
    for found in _CODE.finditer(words):
        kind = getattr(errors, found[1], None)
        if isinstance(kind, type) and issubclass(kind, ClockTrainError):
            return kind(words[found.end() :].partition("\n\nAt:")[0].strip())
    return None


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def refuse_taken(port: int, host: str = LOOPBACK) -> None:
    """Raise where somebody listens on a port.

    Raises:
        ServerPortTaken: as it says.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerPortTaken(
                f"port {port} of {host} cannot be had ({error.strerror}); name another port, or leave it out "
                "to get a free one"
            ) from error
