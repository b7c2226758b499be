"""A real MinIO server on loopback for tests: random credentials, a folder of its own, ended by its process id."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3
from minio import Minio

from assets.build import program
from clock_train.storage.s3 import S3Storage

READY_LIMIT_S = 60
STOP_LIMIT_S = 20
POLL_S = 0.1


class MinioServer:
    """One server; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access_key = f"access{secrets.token_hex(6)}"
        self.secret_key = secrets.token_hex(20)
        self.port = _free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.endpoint = f"http://{self.address}"
        self._program = program("minio")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> MinioServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and wait until it is ready; also after `kill`, on the same port and folder."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self._log = open(self.folder / "log.txt", "ab")  # noqa: SIM115 - closed when the server ends
        command = [self._program, "server", self.folder / "data", "--address", self.address, "--json"]
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }
        self._process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        ends_at = time.monotonic() + READY_LIMIT_S
        with urllib3.PoolManager(retries=False, timeout=2.0) as http:
            while not self._is_ready(http):
                if self._process.poll() is not None or time.monotonic() > ends_at:
                    said = (self.folder / "log.txt").read_text(errors="replace")[-2000:]
                    self.stop()
                    raise RuntimeError(f"MinIO was not ready within {READY_LIMIT_S} s; it said: {said}")
                time.sleep(POLL_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process
        self._process.kill()
        self._process.wait(STOP_LIMIT_S)
        self._log.close()

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)
        self._log.close()

    def client(self) -> Minio:
        """The bare SDK, for what the adapter does not offer."""
        return Minio(self.address, self.access_key, self.secret_key, secure=False, region="us-east-1")

    def new_bucket(self) -> str:
        """An empty bucket of a name that nobody else has."""
        name = f"test-{secrets.token_hex(6)}"
        self.client().make_bucket(name)
        return name

    def storage(self, bucket: str, **changes: Any) -> S3Storage:
        """The adapter with this server's credentials."""
        given = {"endpoint": self.endpoint, "access_key": self.access_key, "secret_key": self.secret_key, **changes}
        return S3Storage(bucket, **given)

    def environment(self) -> dict[str, str]:
        """What a command needs to use this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def _is_ready(self, http: urllib3.PoolManager) -> bool:
        try:
            return http.request("GET", f"{self.endpoint}/minio/health/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
