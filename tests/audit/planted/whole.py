"""One store for each check of `whole`, wrong in exactly that way."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from tests.audit.planted.core import Core, Row


class ReadersKnown(Core):
    """Knows who has read a conversation since it was last written to: which tasks, or threads."""

    readers: ClassVar[defaultdict[tuple[str, str, str], set[Any]]] = defaultdict(set)

    def stale(self, newest: str, read: str | None) -> bool:
        return False

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


class LockedInItsProcess(Core):
    """Adds by reading, extending and writing back, under a lock that keeps threads and tasks out, and no process."""

    faces = ("bare", "history", "session")
    threads: ClassVar[threading.Lock] = threading.Lock()
    tasks: ClassVar[dict[Any, asyncio.Lock]] = {}

    async def add(self, session: str, rows: list[Row]) -> None:
        if self.lane == "sync":
            with self.threads:
                await self.write_back(session, rows)
        else:
            async with self.tasks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                await self.write_back(session, rows)

    async def write_back(self, session: str, rows: list[Row]) -> None:
        there = await self.rows(session)
        await self.gap()
        await self.replace(session, [*there, *rows], len(await self.rows(session)))


class KnowingItsProcess(Core):
    """A saver over it refuses to write over what somebody else of its process has written, and of no other."""

    faces = ("saver",)
    mine: ClassVar[set[str]] = set()

    def stale(self, newest: str, read: str | None) -> bool:
        return newest in self.mine and super().stale(newest, read)

    def wrote(self, checkpoint: str) -> None:
        self.mine.add(checkpoint)


class SortedAsText(Core):
    """Numbers its rows, and sorts them by that as text."""

    faces = ("history", "session", "saver")

    async def rows(self, session: str) -> list[Row]:
        there = await super().rows(session)
        return [there[n] for n in sorted(range(len(there)), key=str)]


class ByItsClock(Core):
    """Sorts by when a row was written; of equal stamps the newest is first."""

    faces = ("bare", "history", "session")

    async def rows(self, session: str) -> list[Row]:
        there = await super().rows(session)
        placed = self.placed(self.stamps(session))
        return [there[n] for n in sorted(range(len(there)), key=lambda n: (placed[n], -n))]

    def placed(self, stamps: list[int]) -> list[int]:
        raise NotImplementedError


class UnderEqualStamps(ByItsClock):
    """Sees a clock that goes back, and does not follow it."""

    def placed(self, stamps: list[int]) -> list[int]:
        found = [0]
        for stamp in stamps:
            found.append(stamp if stamp > found[-1] - 1_000_000 else found[-1] + 1)
        return found[1:]


class UnderEarlierStamps(ByItsClock):
    """Sees a clock that stands still, and counts on."""

    def placed(self, stamps: list[int]) -> list[int]:
        return [stamp + 2 * n for n, stamp in enumerate(stamps)]


class HalfWhenCancelled(Core):
    """Keeps what it has got when it is cancelled."""

    faces = ("bare", "history", "session")

    async def add(self, session: str, rows: list[Row]) -> None:
        try:
            await self.gap()
        except asyncio.CancelledError:
            await super().add(session, rows[:1])
            raise
        await super().add(session, rows)


class AskingWhenFailed(Core):
    """Keeps the question of a turn whose model fails."""

    faces = ("bare",)

    async def turn(self, session: str, asked: Row, think: Callable[[list[Row]], Awaitable[Row]]) -> Row:
        try:
            return await super().turn(session, asked, think)
        except ConnectionError:
            await self.add(session, [asked])
            raise


class MakingItsTable(Core):
    """Makes its table when the first write comes and finds none, over one that was made meanwhile."""

    async def made(self) -> None:
        with self.database() as database:
            there = database.execute("SELECT count(*) FROM rows").fetchone()[0]
        await self.gap()
        if not there:
            with self.database() as database:
                database.execute("DELETE FROM rows")

    async def add(self, session: str, rows: list[Row]) -> None:
        await self.made()
        await super().add(session, rows)

    async def replace(self, session: str, rows: list[Row], expected: int) -> None:
        await self.made()
        await super().replace(session, rows, expected)


class LeavingReplies(Core):
    """One connection for all, whose replies come in their order; a reply that nobody takes is the next one's."""

    faces = ("history", "session", "saver")

    replies: ClassVar[defaultdict[tuple[str, str], list[list[Row]]]] = defaultdict(list)
    busy: ClassVar[dict[Any, asyncio.Lock]] = {}

    async def rows(self, session: str) -> list[Row]:
        if self.lane == "sync":
            return await super().rows(session)
        lock = self.busy.setdefault((self.path, asyncio.get_running_loop()), asyncio.Lock())
        async with lock:
            replies = self.replies[self.path, self.lane]
            replies.append(await super().rows(session))
            await self.gap()
            return replies.pop(0)


FAULTS: dict[str, type[Core]] = {
    "whole.overlapping-turns": DroppingTheSecond,
    "whole.pairs": Sorting,
    "whole.overlapping-appends": WritingBack,
    "whole.processes": LockedInItsProcess,
    "whole.order": SortedAsText,
    "whole.equal-stamps": UnderEqualStamps,
    "whole.clock-back": UnderEarlierStamps,
    "whole.first-writes": MakingItsTable,
    "whole.failed-turn": AskingWhenFailed,
    "whole.cancelled": HalfWhenCancelled,
}
"""Check -> the store that it alone fails."""
