"""What can happen where all is in one folder: to its disk, the embedded server and its supervisor, Chroma's files."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock

from tests.faults.fault import Fault, noticed
from tests.faults.world import World
from tests.servers import wait_for

FULL, SUPERVISORS, SERVERS = "writes refused: no space left", "other supervisors", "other servers"
LOCKED, CORRUPT, GONE = "opened in vain: locked", "opened in vain: no database", "opened in vain: not there"


@contextmanager
def _disk_full(world: World) -> Iterator[None]:
    others = world.state / "others"
    _fill(others)
    yield
    try:
        _fill(others)
        with others.open("ab", buffering=0) as file:
            file.write(b"x")
    except OSError as problem:
        world.noticed[FULL] += problem.errno == errno.ENOSPC
    others.unlink()


def _fill(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 14, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _supervisor(world: World) -> psutil.Process | None:
    place = str(world.state / "redis")
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if place in line and any(part.endswith("supervisor.py") for part in line):
            return process
    return None


def _killed(*, server_too: bool) -> Callable[[World], AbstractContextManager[None]]:
    @contextmanager
    def make(world: World) -> Iterator[None]:
        supervisor, server = _supervisor(world), world.apps[0].redis_server()
        assert supervisor is not None
        supervisor.kill()
        if server_too:
            server.kill()
        yield
        wait_for(lambda: _supervisor(world) not in (None, supervisor), "another supervisor", 30)
        world.noticed[SUPERVISORS] += 1
        world.noticed[SERVERS] += world.apps[0].redis_server() != server

    return make


def _database(world: World) -> Path:
    return world.state / "library" / "chroma" / "chroma.sqlite3"


def _opens_not(world: World, words: str) -> None:
    """See for oneself."""
    try:
        with closing(sqlite3.connect(f"{_database(world).as_uri()}?mode=ro", uri=True, timeout=0.1)) as database:
            database.execute("SELECT name FROM collections").fetchall()
    except sqlite3.Error:
        world.noticed[words] += 1


@contextmanager
def _locked(world: World) -> Iterator[None]:
    with closing(sqlite3.connect(_database(world), timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        _opens_not(world, LOCKED)
        yield
        database.execute("ROLLBACK")


@contextmanager
def _corrupt(world: World) -> Iterator[None]:
    """And put back as it was, as from a backup. A copy of a file that is being written to is none."""
    database = _database(world)
    kept = world.folder / "kept"
    nobody_writes = FileLock(database.parent.with_suffix(".lock"))
    with nobody_writes:
        shutil.copyfile(database, kept)
        with database.open("r+b") as file:
            file.write(b"\xff" * 65536)
    _opens_not(world, CORRUPT)
    yield
    with nobody_writes:
        shutil.copyfile(kept, database)


@contextmanager
def _gone(world: World) -> Iterator[None]:
    """For ever: nobody puts it back."""
    shutil.rmtree(_database(world).parent)
    _opens_not(world, GONE)
    yield


FAULTS = (
    Fault("disk full", "embedded", _disk_full, noticed(FULL)),
    Fault("the server's supervisor killed", "embedded", _killed(server_too=False), noticed(SUPERVISORS)),
    Fault("server and supervisor killed", "embedded", _killed(server_too=True), noticed(SERVERS)),
    Fault("Chroma's file locked", "embedded", _locked, noticed(LOCKED), uploads=True),
    Fault("Chroma's file corrupt", "embedded", _corrupt, noticed(CORRUPT), uploads=True, forgets_uploads=True),
    Fault("Chroma's folder gone", "embedded", _gone, noticed(GONE), uploads=True, forgets_uploads=True),
)
