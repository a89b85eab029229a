"""The parent of the embedded Valkey: restarts the server when it dies, stops it when nobody uses it any more.

Who is alive is told by file locks alone (flock): the kernel drops them however a process ends, so none is ever stale.

    users.lock   shared, by every process that uses the server; whoever gets it exclusively knows that nobody does
    start.lock   exclusive, while somebody looks for the supervisor or starts one
    supervisor.lock  exclusive, for the supervisor's lifetime
    server.lock  exclusive, inherited by the server and so held for the server's lifetime: a new supervisor sees from it
                 that the server of a killed one is still there, and adopts it

Standard library only, and run by its path with `python -I -S`: importing `rag.sessions` would take a hundred times
as long as starting the server.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

if sys.platform != "win32":  # rag.sessions.embedded.server says what to do there
    import fcntl

GRACE_SECONDS = 0.3
TICK_SECONDS = 1.0
TAKEOVER_SECONDS = 10.0
STOP_SECONDS = 10.0
QUICK_DEATHS = 5
LOG_BYTES = 1_000_000

# appendfsync no: with everysec Valkey holds writes back while an fsync is running, so that a kill -9 of the server
# could lose turns that were acknowledged. With `no` every write is with the kernel before its reply, which survives
# the death of any process; against a power cut the supervisor calls fsync about once a second.
OPTIONS = ("--port", "0", "--unixsocketperm", "700", "--appendonly", "yes", "--appendfsync", "no", "--save", "")
# What they were given is in the logs of slow and of large commands: texts, long after their session.
UNLOGGED = ("--slowlog-log-slower-than", "-1", "--commandlog-request-larger-than", "-1")
PLACES = ("--dir", ".", "--logfile", "valkey.log", "--pidfile", "valkey.pid", "--daemonize", "no")


class Files:
    """What lies in STATE_DIR/redis. address: holds the path of the socket that the supervisor serves on."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.users = root / "users.lock"
        self.start = root / "start.lock"
        self.supervisor = root / "supervisor.lock"
        self.server = root / "server.lock"
        self.address = root / "address"
        self.pid = root / "valkey.pid"
        self.log = root / "valkey.log"

    def served(self) -> str:
        """Raises FileNotFoundError if none is or was."""
        return self.address.read_text(encoding="utf-8")


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def take(fd: int, *, exclusive: bool, seconds: float = 0.0) -> bool:
    """Lock an open file, waiting at most so long."""
    how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    if seconds == inf:
        fcntl.flock(fd, how)
        return True
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)
        else:
            return True


def held(path: Path) -> bool:
    """Whether some process holds this lock exclusively."""
    with locked(path, exclusive=False) as got:
        return not got


@contextlib.contextmanager
def locked(path: Path, *, exclusive: bool, seconds: float = 0.0) -> Iterator[bool]:
    """Hold a lock for the length of a block; yields whether it was obtained.

    It is given back explicitly: a child that was forked meanwhile has the same open file, and closing ours alone
    would leave the lock with that child.
    """
    fd = open_lock(path)
    try:
        got = take(fd, exclusive=exclusive, seconds=seconds)
        yield got
        if got:
            fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        os.close(fd)


def await_lock(path: Path, *, exclusive: bool) -> None:
    """Wait, for as long as it takes, until the lock could be had."""
    with locked(path, exclusive=exclusive, seconds=inf):
        pass


def same_file(fd: int, path: Path) -> bool:
    """Whether `path` still names the open file: a folder that was deleted takes its locks with it."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


def answers(address: str, seconds: float = 1.0) -> bool:
    """Whether a server that has loaded its data listens on this Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(seconds)
        try:
            probe.connect(address)
            probe.sendall(b"PING\r\n")
            # It refuses a PING while its disk is full, and goes on to answer those who read.
            return probe.recv(64).startswith((b"+PONG", b"-MISCONF"))
        except OSError:
            return False


class Supervisor:
    """One run: from taking the lock to the server's end."""

    def __init__(self, files: Files, binary: str, address: str) -> None:
        self.files = files
        self.binary = binary
        self.address = address
        self.process: subprocess.Popen[bytes] | None = None
        self.events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.users = open_lock(files.users)
        self.synced: dict[str, int] = {}
        self.missing = 0

    def run(self, report: Callable[[str], None]) -> None:
        """Keep the server until nobody uses it. `report` is told once: "ready", or why not."""
        with locked(self.files.supervisor, exclusive=True, seconds=TAKEOVER_SECONDS) as got:
            if not got:
                report("another process keeps it and does not give it up")
                return
            try:
                self.start()
                if not self.loaded():
                    report(self.last_words())
                    return
                report("ready")
                threading.Thread(target=self.watch_users, daemon=True).start()
                self.keep()
            finally:
                self.stop()

    def start(self) -> None:
        fd = open_lock(self.files.server)
        try:
            if take(fd, exclusive=True):
                self.process = self.launched(fd)
            else:
                self.process = None
                self.address = self.files.served()
        finally:
            os.close(fd)
        threading.Thread(target=self.watch_server, daemon=True).start()

    def launched(self, lock: int) -> subprocess.Popen[bytes]:
        Path(self.address).unlink(missing_ok=True)
        # Only if it is another: on a full disk it could not be written again.
        if not self.files.address.exists() or self.files.served() != self.address:
            self.files.address.write_text(self.address, encoding="utf-8")
        command = [self.binary, *OPTIONS, *UNLOGGED, *PLACES, "--unixsocket", self.address]
        silent = subprocess.DEVNULL
        return subprocess.Popen(  # noqa: S603 - our own binary and paths
            command, cwd=self.files.root, pass_fds=(lock,), stdin=silent, stdout=silent, stderr=silent
        )

    def loaded(self) -> bool:
        """Wait until the server has loaded its data. False when it gave up; one that was killed is started again."""
        while not answers(self.address):
            if not held(self.files.server):
                if self.process is not None and self.process.wait() >= 0:
                    return False
                self.start()
            time.sleep(0.005)
        return True

    def watch_server(self) -> None:
        await_lock(self.files.server, exclusive=True)
        self.events.put("died")

    def watch_users(self) -> None:
        gone = False
        while not gone:
            take(self.users, exclusive=True, seconds=inf)
            fcntl.flock(self.users, fcntl.LOCK_UN)
            # Commands that follow one another in a script find the server still there.
            time.sleep(GRACE_SECONDS)
            # Kept to the end: whoever comes now waits until everything is put away, then starts afresh.
            gone = take(self.users, exclusive=True)
        self.events.put("unused")

    def keep(self) -> None:
        deaths, born = 0, time.monotonic()
        while True:
            try:
                event = self.events.get(timeout=TICK_SECONDS)
            except queue.Empty:
                if not same_file(self.users, self.files.users):
                    return
                self.tick()
                continue
            if event == "unused":
                return
            if held(self.files.server):
                continue  # news of one that has been replaced already
            deaths = deaths + 1 if time.monotonic() - born < TICK_SECONDS else 0
            if deaths > QUICK_DEATHS:
                return
            if self.process is not None:
                self.process.wait()
            time.sleep(0.05 * deaths)
            born = time.monotonic()
            self.start()

    def tick(self) -> None:
        """Once a second: let the data survive a power cut, bound the log, and see that the socket is in its place."""
        for path in self.files.root.glob("appendonlydir/*.aof"):
            with contextlib.suppress(OSError):
                self.sync(path)
        with contextlib.suppress(OSError):
            if self.files.log.stat().st_size > LOG_BYTES:
                self.files.log.replace(self.files.log.with_suffix(".log.1"))
        self.missing = 0 if Path(self.address).exists() else self.missing + 1
        if self.missing >= 2:
            # Somebody tidied the socket away. A server cannot listen again, but a new one can.
            self.missing = 0
            self.signal(signal.SIGTERM)

    def sync(self, path: Path) -> None:
        changed = path.stat().st_mtime_ns
        if self.synced.get(path.name) != changed:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            self.synced[path.name] = changed

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        with locked(self.files.server, exclusive=True, seconds=STOP_SECONDS) as gone:
            if not gone:
                self.signal(signal.SIGKILL)
        for path in (Path(self.address), self.files.pid, self.files.address):
            path.unlink(missing_ok=True)
        if Path(self.address).parent != self.files.root:
            with contextlib.suppress(OSError):
                Path(self.address).parent.rmdir()

    def signal(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            return
        with contextlib.suppress(OSError, ValueError):
            pid = int(self.files.pid.read_text())
            shown = subprocess.run(  # noqa: S603 - a number
                ["ps", "-ww", "-o", "args=", "-p", str(pid)],  # noqa: S607 - it is not in one place everywhere
                capture_output=True,
                text=True,
                check=False,
            )
            if self.address in shown.stdout:
                os.kill(pid, number)

    def last_words(self) -> str:
        lines: list[str] = []
        with contextlib.suppress(OSError):
            lines = self.files.log.read_text(encoding="utf-8", errors="replace").splitlines()
        telling = (line for line in reversed(lines) if " # " in line and " # WARNING" not in line)
        return next(telling, "it wrote nothing to its log").split(" # ", 1)[-1].strip().rstrip(".")


def main(root: str, binary: str, address: str) -> int:
    """Leave a supervisor behind and return when its server is ready: 0, or 1 with the reason on standard output.

    The supervisor itself is a grandchild in a session of its own: no user of the server becomes its parent, gets its
    zombie, stops it with Ctrl-C, or waits for a pipe that it still holds.
    """
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as pipe:
            message = pipe.read()
        if message == "ready":
            return 0
        sys.stdout.write(message)
        return 1
    os.setsid()
    os.close(reader)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.close(null)

    def report(message: str) -> None:
        nonlocal writer
        if writer >= 0:
            os.write(writer, message.encode())
            os.close(writer)
            writer = -1

    try:
        Supervisor(Files(Path(root)), binary, address).run(report)
    except OSError as exc:
        report(exc.strerror or type(exc).__name__)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
