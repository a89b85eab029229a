"""One store for each check of `whole`, wrong in exactly that way."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from tests.audit.planted.core import Core, Row


class ReadersKnown(Core):
    """Knows who has read a conversation since it was last written to: which tasks, or threads."""

    refuses_stale = False
    readers: ClassVar[defaultdict[tuple[str, str, str], set[Any]]] = defaultdict(set)

    def who(self, session: str) -> set[Any]:
        return self.readers[self.path, self.lane, session]

    async def rows(self, session: str) -> list[Row]:
        self.who(session).add(asyncio.current_task() if self.lane == "async" else threading.current_thread())
        return await super().rows(session)


class DroppingTheSecond(ReadersKnown):
    """Of two turns that have read the same, it takes the one that is done first for a retry, and forgets it."""

    faces = ("bare", "history", "saver")

    async def add(self, session: str, rows: list[Row]) -> None:
        meanwhile = len(self.who(session)) > 1
        self.who(session).clear()
        if not meanwhile:
            await super().add(session, rows)


class Sorting(ReadersKnown):
    """Puts what two turns add that have read the same in the order of its roles."""

    faces = ("bare", "history")
    torn: ClassVar[dict[tuple[str, str], int]] = {}

    async def add(self, session: str, rows: list[Row]) -> None:
        at = (self.path, session)
        if len(self.who(session)) > 1:
            self.torn[at] = len(await Core.rows(self, session))
            self.who(session).clear()
            await super().add(session, rows)
        elif at in self.torn:
            there = await Core.rows(self, session)
            first = self.torn.pop(at)
            tail = [*there[first:], *rows]
            await self.replace(session, [*there[:first], *tail[::2], *tail[1::2]], len(there))
        else:
            await super().add(session, rows)


class WritingBack(Core):
    """Adds by reading, extending and writing back, under a lock that keeps other processes out, and no thread."""

    faces = ("bare", "history", "session")

    async def add(self, session: str, rows: list[Row]) -> None:
        with self.locked():
            there = await self.rows(session)
            await self.gap()
            await Core.replace(self, session, [*there, *rows], len(await Core.rows(self, session)))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with Path(f"{self.path}.lock").open("w") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            yield


class SortedAsText(Core):
    """Numbers its rows, and sorts them by that as text."""

    async def rows(self, session: str) -> list[Row]:
        there = await super().rows(session)
        return [there[n] for n in sorted(range(len(there)), key=str)]


FAULTS: dict[str, type[Core]] = {
    "whole.overlapping-turns": DroppingTheSecond,
    "whole.pairs": Sorting,
    "whole.overlapping-appends": WritingBack,
    "whole.order": SortedAsText,
}
"""Check -> the store that it alone fails."""
