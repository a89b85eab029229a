"""PostgreSQL and MariaDB for a benchmark, with their own defaults for what an acknowledged write survives."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from rag.errors import CrosswireError
from rag.web.bench.servers import NotInstalled, free_port, program, running

PASSWORD = "bench"  # noqa: S105 (of a server that lives as long as the benchmark)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Its address, of an empty database."""
    server = str(Path(program("postgresql", "postgres")).resolve())  # initdb is where it really is
    port, home, lent = free_port(), folder / "postgres", _lent(folder, "postgres")
    home.mkdir()
    _give(home, lent)
    (secret := home / "password").write_text(PASSWORD)
    secret.chmod(0o644)
    initdb = str(Path(server).with_name("initdb"))
    _made([initdb, "-D", "data", "-U", "bench", "-A", "scram-sha-256", "--pwfile", str(secret)], home, lent)
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    address = f"postgresql://bench:{PASSWORD}@127.0.0.1:{port}/postgres"

    def ready() -> bool:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            return False
        return True

    command = [server, "-D", "data", *(f"--{name}={value}" for name, value in options.items())]
    with running(command, home, port, ready, stop=signal.SIGINT, **lent):
        yield address


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """Its address, of an empty database. PyPI's pymysql is the driver."""
    try:
        import pymysql  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise NotInstalled("MariaDB's driver", "pip install pymysql") from None
    package = "mariadb-server-core mariadb-client-core"
    server, install = program(package, "mariadbd"), program(package, "mariadb-install-db")
    program(package, "my_print_defaults")  # which the second one calls
    port, home, lent = free_port(), folder / "mariadb", _lent(folder, "nobody")
    home.mkdir()
    _give(home, lent)
    base = ["--no-defaults", f"--datadir={home}/data"]
    _made([install, *base, "--skip-test-db", "--auth-root-authentication-method=normal"], home, lent)

    def ready() -> bool:
        try:
            with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection:
                connection.cursor().execute("CREATE DATABASE IF NOT EXISTS bench CHARACTER SET utf8mb4")
        except pymysql.MySQLError:
            return False
        return True

    place = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={home}/socket", "--skip-log-bin"]
    with running([server, *base, *place], home, port, ready, **lent):
        yield f"mysql+pymysql://root@127.0.0.1:{port}/bench?charset=utf8mb4"


def _lent(folder: Path, user: str) -> dict[str, Any]:
    """Another user for a server that does not run as root, and a folder that this one may pass through."""
    if os.geteuid():
        return {}
    folder.chmod(0o755)
    found = pwd.getpwnam(user)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _give(folder: Path, lent: dict[str, Any]) -> None:
    if lent:
        os.chown(folder, lent["user"], lent["group"])


def _made(command: list[str], folder: Path, lent: dict[str, Any]) -> None:
    done = subprocess.run(  # noqa: S603 (a program that was found by its name)
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, **lent
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise CrosswireError(f"{Path(command[0]).name} failed: {last[:300]}")
