"""Small stores with the four methods of a session, each right or wrong in one way; they need no package.

The factories are named in tests as `tests.audit.stores:NAME`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

KEPT: dict[tuple[str, str], list[Any]] = {}


class Session:
    """One conversation. Right as it is."""

    def __init__(self, session_id: str, folder: str) -> None:
        self.key = (folder, self.named(session_id))

    def named(self, session_id: str) -> str:
        return session_id

    async def get_items(self) -> list[Any]:
        await asyncio.sleep(0)
        return list(KEPT.get(self.key, []))

    async def add_items(self, items: list[Any]) -> None:
        await asyncio.sleep(0)
        KEPT.setdefault(self.key, []).extend(items)

    async def pop_item(self) -> Any:
        return KEPT[self.key].pop()

    async def clear_session(self) -> None:
        KEPT.pop(self.key, None)


class Folding(Session):
    """Ids that differ in case are one."""

    def named(self, session_id: str) -> str:
        return session_id.lower()


class Dying(Session):
    """Ends its process when something is added, and says why in markup."""

    async def add_items(self, items: list[Any]) -> None:
        sys.stderr.write("first\n<b>out of handles</b>\x1b[2J\n")
        sys.stderr.flush()
        os._exit(7)


class Hanging(Session):
    async def add_items(self, items: list[Any]) -> None:
        await asyncio.sleep(3600)


class Interrupting(Session):
    """Presses Ctrl-C for whoever audits it, and then takes its time."""

    async def add_items(self, items: list[Any]) -> None:
        os.kill(os.getppid(), signal.SIGINT)
        await asyncio.sleep(3600)


def nothing_known() -> object:
    return object()


def leaves() -> object:
    raise SystemExit("this is no time to import me")
