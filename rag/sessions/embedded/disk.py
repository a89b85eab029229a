"""The embedded server's disk: whether it has room, and whether an acknowledged turn is on its way there.

Valkey answers a write although its append-only file could not be extended, and refuses the next one only
(`flushAppendOnlyFile` in its aof.c): by the answer alone, a turn may be in memory and nowhere else. `appendfsync
always` would end the server instead, and cost an fsync a turn. What proves it here is the file: it is written before
the answer is sent, so a turn whose transaction stands in it when the answer comes is with the kernel, which survives
the death of any process. That is a look into the page cache and no round trip; where it shows nothing, a PING tells
whether the disk is full, because the server refuses that as well for as long as its last write failed. A server whose
folder was removed or replaced goes on for a second, writing to files that nobody will read: what stands in those only
is not acknowledged.
"""

from __future__ import annotations

import os
import weakref
from math import inf
from pathlib import Path
from time import monotonic

from rag.errors import SessionStoreUnavailable, StoreDiskFull

MARGIN_BYTES = 1 << 20
"""Turns are refused when less is free, so that what still has to be written (a history that is deleted, a time to live)
finds room, and the server goes on to answer those who read."""
LOOK_SECONDS = 0.05
"""How long what was free is believed. Who writes more than the margin meanwhile is told by the proof."""
_MOST = 1 << 22
"""If others wrote more bytes meanwhile, no more are searched."""
_COMMITTED = b"\r\nEXEC\r\n"
"""What ends a transaction in the file. No message can hold it: JSON has no bare line ends."""


class Disk:
    """Of the server in this folder. Thread-safe."""

    def __init__(self, folder: Path, margin: int = MARGIN_BYTES) -> None:
        self.folder = folder
        self._margin = margin
        self._file: _AppendOnlyFile | None = None
        self._looked, self._free = -1.0, 0.0

    def free(self) -> int | None:
        """Bytes that this user can write. None if the folder is not there."""
        try:
            found = os.statvfs(self.folder)
        except OSError:
            return None
        return found.f_frsize * (found.f_bavail if os.geteuid() else found.f_bfree)

    def require(self, size: int = 0) -> None:
        """Raises StoreDiskFull if there is not enough room for so many bytes more."""
        needed = self._margin + 2 * size
        if self._free < needed or monotonic() - self._looked > LOOK_SECONDS:
            free = self.free()
            self._free, self._looked = inf if free is None else free, monotonic()
            if self._free < needed:
                raise self.full(f"{self._free / 1e6:.1f} MB are free")

    def full(self, reason: str) -> StoreDiskFull:
        return StoreDiskFull(str(self.folder), reason)

    def mark(self) -> Mark | None:
        """A place in the append-only file that whatever is written from now on comes after. None: it cannot be read."""
        file = self._file
        if file is None:
            try:
                file = self._file = _AppendOnlyFile(self.folder)
            except OSError:
                return None
        return file, file.end

    def removed(self) -> SessionStoreUnavailable:
        todo = "It starts afresh in a moment; try again."
        return SessionStoreUnavailable(f"{self.folder} (embedded)", "its files were removed while it ran", todo, "used")

    def proved(self, mark: Mark | None, token: bytes) -> bool | None:
        """Whether a whole transaction with this text stands behind the mark, in a file that the next server reads.

        None: not known, because too much was written meanwhile, or as there is no text to look for.
        """
        before = mark is not None and mark[0].holds(token, mark[1])
        if before and mark is not None and mark[0].named():
            return True
        try:
            newest = self._file = _AppendOnlyFile(self.folder)
        except OSError as exc:
            self.reopen()
            return False if isinstance(exc, FileNotFoundError) else None
        if not token:
            return None
        if before and mark is not None:  # its successor was begun when all of it was taken over
            return newest.number > mark[0].number
        return newest.holds(token, max(0, newest.end - _MOST)) or (None if newest.end > _MOST else False)

    def reopen(self) -> None:
        """Let go of the file: a rewrite has begun another one, or nobody is going to ask again."""
        self._file = None


class _AppendOnlyFile:
    """The newest one, open for reading until nobody uses it any more. end: where it ended when it was last read."""

    def __init__(self, folder: Path) -> None:
        parts = (folder / "appendonlydir").glob("*.incr.aof")
        self.number, newest = max(((int(path.name.split(".")[-3]), path) for path in parts), default=(0, None))
        if newest is None:
            raise FileNotFoundError(folder)
        self._path = str(newest)
        self.fd = os.open(newest, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.fd)
        self.end = os.fstat(self.fd).st_size

    def named(self) -> bool:
        """Whether it is still where it was."""
        try:
            return os.path.samestat(os.fstat(self.fd), os.stat(self._path))  # noqa: PTH116 - at every turn
        except OSError:
            return False

    def holds(self, token: bytes, at: int) -> bool:
        """Whether a whole transaction with this text stands behind this place."""
        written = os.pread(self.fd, min(max(0, os.fstat(self.fd).st_size - at), _MOST), at)
        found = written.find(token)
        if found < 0 or written.find(_COMMITTED, found) < 0:
            return False
        self.end = max(self.end, at + len(written))
        return True


Mark = tuple[_AppendOnlyFile, int]
