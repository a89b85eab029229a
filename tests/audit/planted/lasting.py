"""One store for each check of `lasting` and `async` that needs no server, wrong in exactly that way."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tests.audit.planted.core import Core, Row


class OfOneProcess(Core):
    """What one process writes, another one does not find."""

    def __init__(self, folder: str, lane: str) -> None:
        mine = Path(folder, f"of-{os.getpid()}")
        mine.mkdir(exist_ok=True)
        super().__init__(str(mine), lane)


class RowByRow(Core):
    """Each row is a transaction of its own; whoever else is in this process waits until all are there."""

    together = threading.RLock()

    async def rows(self, session: str) -> list[Row]:
        await self.gap()
        with self.together:
            return self.readable(self._select(session))

    def _select(self, session: str) -> list[str]:
        with self.database() as database:
            found = database.execute("SELECT row FROM rows WHERE session = ? ORDER BY n", (self.key(session),))
            return [text for (text,) in found]

    async def add(self, session: str, rows: list[Row]) -> None:
        await self.gap()
        with self.together, self.database() as database:
            for row in rows:
                database.execute("INSERT INTO rows (session, row) VALUES (?, ?)", (session, self.written(row)))

    async def replace(self, session: str, rows: list[Row], expected: int) -> None:
        await self.gap()
        with self.together:
            if len(self._select(session)) != expected:
                raise RuntimeError("somebody else wrote to this conversation meanwhile")
            with self.database() as database:
                database.execute("DELETE FROM rows WHERE session = ?", (session,))
                for row in rows:
                    database.execute("INSERT INTO rows (session, row) VALUES (?, ?)", (session, self.written(row)))


class NeverGivingWay(Core):
    async def gap(self) -> None:
        """Nothing: the loop waits for the database."""


FAULTS: dict[str, type[Core]] = {
    "lasting.new-process": OfOneProcess,
    "lasting.killed-writer": RowByRow,
    "async.not-blocking": NeverGivingWay,
}
