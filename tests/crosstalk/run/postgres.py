"""A real PostgreSQL for tests: a folder, a free loopback port and a process of its own, gone at the end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import psycopg

from tests import needs
from tests.servers import Started, ended, free_port, started, wait_for

PASSWORD = "s3cret"


class Postgres(Started):
    """A superuser `tester` and an empty database `lab`. It may not run as root, so root lends it another user."""

    def __init__(self) -> None:
        debian = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/postgres")))  # not in PATH
        self.program = Path(needs.program("postgres", *debian)).resolve()
        self.folder = Path(tempfile.mkdtemp(prefix="cw-pg-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")

    @property
    def url(self) -> str:
        return f"postgresql://tester:{PASSWORD}@127.0.0.1:{self.port}/lab"

    def connect(self, database: str = "lab") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the test's own; use it in a `with`."""
        return psycopg.connect(self.url.removesuffix("lab") + database, autocommit=True)

    def tables(self) -> list[str]:
        with self.connect() as connection:
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return [name for (name,) in found]

    def start(self) -> Self:
        """Once more with what it has, if it was stopped."""
        if not (self.folder / "data").exists():
            self._run("initdb", "-D", "data", "-U", "tester", "-A", "scram-sha-256", "--pwfile", self._secret(), "-N")
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        command: list[str | Path] = [
            self.program,
            "-D",
            "data",
            *(f"--{name}={value}" for name, value in options.items()),
        ]
        self.process = started(command, self.folder / "log", cwd=self.folder, **self._user)
        wait_for(self._made, f"PostgreSQL (log: {(self.folder / 'log').read_text()[-400:]})")
        return self

    def stop(self) -> None:
        if self.process is not None:
            ended(self.process, signal.SIGINT, 10)  # at once, whoever is connected
        self.process = None

    def _made(self) -> bool:
        try:
            with self.connect("postgres") as connection:
                connection.execute("CREATE DATABASE lab")
        except psycopg.OperationalError:
            return False
        except psycopg.errors.DuplicateDatabase:
            return True  # it was started before
        return True

    def _secret(self) -> str:
        path = self.folder / "password"
        path.write_text(PASSWORD)
        path.chmod(0o644)
        return str(path)

    def _run(self, name: str, *options: str) -> None:
        command: list[str | Path] = [self.program.with_name(name), *options]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=60, **self._user)
