"""What earlier calls leave: a lock is found, whoever would have lifted it later; messages are no fault of a store."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from pathlib import Path
from typing import Any

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS
from rag.audit.kit.opening import Target
from rag.audit.run.trying import tried
from tests.audit.planted.core import Core, Row
from tests.audit.planted.faces import Session, session


class Locking(Core):
    """A read that is cancelled leaves its transaction to the garbage collector."""

    def database(self) -> Any:
        made = super().database()
        made.connection.execute("PRAGMA busy_timeout = 20")
        return made

    async def rows(self, session: str) -> list[Row]:
        reading: list[Any] = [sqlite3.connect(self.path, isolation_level=None)]
        reading.append(reading)
        reading[0].execute("BEGIN")
        reading[0].execute("SELECT count(*) FROM rows")  # others may read, and not write
        await self.gap()
        reading[0].close()
        return await super().rows(session)


def test_a_lock_that_only_garbage_collection_lifts_is_found_however_often_that_comes() -> None:
    usual = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        found = asyncio.run(tried(CHECKS["whole.cancelled"], Target(session(Locking), ADAPTERS)))
    finally:
        gc.set_threshold(*usual)
    assert (found.status, "what carol adds next is refused" in found.evidence) == ("fail", True), found


def test_a_store_that_is_the_same_each_time_and_cannot_be_cleared_is_not_accused(tmp_path: Path) -> None:
    class Keeping(Session):
        async def clear_session(self) -> None:
            raise PermissionError("nothing is deleted here")

    def make(session_id: str) -> Any:
        return Keeping(session_id, str(tmp_path), Core)

    found = asyncio.run(tried(CHECKS["whole.first-writes"], Target(make, ADAPTERS)))
    assert (found.status, found.evidence) == ("pass", "")
