"""One life of a tritonserver: its command, the guard that holds it, the end of its log, and its end."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from pathlib import Path

from clock_train.issuing.installation import FOLDER_VARIABLE, Installation
from clock_train.serving import triton_guard
from clock_train.serving.triton_install import TritonInstall

STOP_S = 20.0
EXIT_TIMEOUT_S = 5
LOG_END_BYTES = 1_500
CLOSED = "model-repository,shared-memory,logging,trace"
"""Of Triton's gRPC, to whoever has no key: a load may bring code with it, logs and traces may name any file."""
TRACED_AS = "opentelemetry,resource=service.name=clocktrain-triton"
KEY_HEADER = "triton-grpc-protocol-clocktrain"


class TritonProcess:
    """A server that was started; ``triton_guard`` ends it when this process ends in whatever way.

    Args:
        install: where it lies.
        folder: for its backend links and its process id; the guard removes it when this process has gone.
        repository: of the models.
        host: address that its gRPC listens on.
        port: of its gRPC.
        log_path: where it writes.
        installation: whose keys its voices mark and verify with.
        key: opens what is ``CLOSED``. Triton takes it from its command line only, so programs that see this machine's
            processes see it too.
        traces: where a collector takes OpenTelemetry's spans, a URL; None: nothing is traced.
    """

    def __init__(
        self,
        install: TritonInstall,
        *,
        folder: Path,
        repository: Path,
        host: str,
        port: int,
        log_path: Path,
        installation: Installation,
        key: str,
        traces: str | None = None,
    ) -> None:
        self._log_path, self._pid_file = log_path, folder / "pid"
        prefix = f"clocktrain-{secrets.token_hex(4)}-"
        command = [
            str(install.server),
            f"--model-repository={repository}",
            "--model-control-mode=explicit",
            f"--backend-directory={install.backends(folder)}",
            "--allow-http=false",
            "--allow-metrics=false",
            # it would start every model twice, and the config is complete
            "--disable-auto-complete-config",
            # one voice that cannot be loaded would make the whole server count as not ready
            "--strict-readiness=false",
            f"--grpc-address={host}",
            f"--grpc-port={port}",
            f"--grpc-restricted-protocol={CLOSED}:clocktrain={key}",
            f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
            f"--backend-config=python,shm-region-prefix-name={prefix}",
        ]
        if traces is not None:
            settings = ("mode=opentelemetry", "level=TIMESTAMPS", "rate=1", f"opentelemetry,url={traces}")
            command += [f"--trace-config={each}" for each in (*settings, TRACED_AS)]
        environment = {
            **os.environ,
            **install.environment(),
            FOLDER_VARIABLE: str(installation.folder),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",  # its pool of threads is memory for nothing
            "MALLOC_ARENA_MAX": "2",
        }
        self._pid_file.unlink(missing_ok=True)
        guard = [sys.executable, "-I", "-S", triton_guard.__file__, str(folder), prefix, *command]
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            self._guard = subprocess.Popen(
                guard, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """Of tritonserver itself."""
        return int(self._pid_file.read_text(encoding="utf-8"))

    @property
    def is_over(self) -> bool:
        """Whether it ended."""
        return self._guard.poll() is not None

    def wait(self) -> int:
        """Until it ends; its exit code."""
        return self._guard.wait()

    def end(self) -> None:
        """End it and everything of it; what is being spoken gets a few seconds."""
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has gone, or was told already
            self._guard.stdin.write(b".")
            self._guard.stdin.close()
        try:
            self._guard.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # the system then kills the server
            self._guard.wait(STOP_S)

    def log_end(self) -> str:
        """The last words of its log."""
        with contextlib.suppress(OSError):
            return self._log_path.read_bytes()[-LOG_END_BYTES:].decode("utf-8", "replace")
        return "(no log)"
