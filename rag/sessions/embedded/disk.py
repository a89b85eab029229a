"""The embedded server's disk: whether it has room, and whether an acknowledged turn is on its way there.

Valkey answers a write although its append-only file could not be extended, and refuses the next one only
(`flushAppendOnlyFile` in its aof.c): by the answer alone, a turn may be in memory and nowhere else. `appendfsync
always` would end the server instead, and cost an fsync a turn. What proves it here is the file: it is written before
the answer is sent, so a turn whose transaction stands in it when the answer comes is with the kernel, which survives
the death of any process. That is a look into the page cache and no round trip; where it shows nothing (the file was
rewritten meanwhile), a PING tells, because the server refuses that as well for as long as its last write failed.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path

from rag.errors import StoreDiskFull

MARGIN_BYTES = 1 << 20
"""Turns are refused when less is free, so that what still has to be written (a history that is deleted, a time to live)
finds room, and the server goes on to answer those who read."""
_MOST_BYTES = 4 << 20
"""If others wrote more than this meanwhile, it is not searched."""
_COMMITTED = b"\r\nEXEC\r\n"
"""What ends a transaction in the file. No message can hold it: JSON has no bare line ends."""


class Disk:
    """Of the server in this folder. Thread-safe."""

    def __init__(self, folder: Path, margin: int = MARGIN_BYTES) -> None:
        self.folder = folder
        self._margin = margin
        self._file: _AppendOnlyFile | None = None

    def free(self) -> int | None:
        """Bytes that this user can write. None if the folder is not there."""
        try:
            found = os.statvfs(self.folder)
        except OSError:
            return None
        return found.f_frsize * (found.f_bavail if os.geteuid() else found.f_bfree)

    def require(self, size: int = 0) -> None:
        """Raises StoreDiskFull if there is not enough room for so many bytes more."""
        free = self.free()
        if free is not None and free < self._margin + 2 * size:
            raise self.full(f"{free / 1e6:.1f} MB are free")

    def full(self, reason: str) -> StoreDiskFull:
        return StoreDiskFull(str(self.folder), reason)

    def mark(self) -> Mark | None:
        """Where the file ends now. None if it cannot be read."""
        file = self._file
        if file is None:
            try:
                file = self._file = _AppendOnlyFile(self.folder)
            except OSError:
                return None
        return Mark(file)

    def reopen(self) -> None:
        """Let go of the file: a rewrite has begun another one, or nobody is going to ask again."""
        self._file = None


class Mark:
    """A place in the append-only file."""

    __slots__ = ("_file", "_start")

    def __init__(self, file: _AppendOnlyFile) -> None:
        self._file = file
        self._start = os.fstat(file.fd).st_size

    def followed_by(self, token: bytes) -> bool:
        """Whether a whole transaction with this text was written since."""
        size = os.fstat(self._file.fd).st_size - self._start
        if not 0 < size <= _MOST_BYTES:
            return False
        written = os.pread(self._file.fd, size, self._start)
        at = written.find(token)
        return at >= 0 and written.find(_COMMITTED, at) > 0


class _AppendOnlyFile:
    """The newest one, open for reading until nobody uses it any more."""

    def __init__(self, folder: Path) -> None:
        parts = (folder / "appendonlydir").glob("*.incr.aof")
        newest = max(parts, key=lambda path: int(path.name.split(".")[-3]), default=None)
        if newest is None:
            raise FileNotFoundError(folder)
        self.fd = os.open(newest, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.fd)
