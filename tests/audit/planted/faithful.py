"""One store for each check of `faithful`, wrong in exactly that way."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from tests.audit.planted.core import Core, Row

LONGEST = 65_536
"""Characters of a column."""
PAGE = 150
"""Rows of a read: more than are added to see whether they stay in order, fewer than a long conversation has."""


def everywhere(value: Any, change: Any) -> Any:
    """With each dict and each text in it changed."""
    if isinstance(value, dict):
        return change({name: everywhere(each, change) for name, each in value.items()})
    if isinstance(value, list):
        return [everywhere(each, change) for each in value]
    return change(value)


def writing(change: Any) -> type[Core]:
    class Changing(Core):
        def written(self, row: Row) -> str:
            return super().written(everywhere(row, change))

    return Changing


def without_calls(value: Any) -> Any:
    dropped = ("tool_calls", "call_id", "$eq")
    return {name: each for name, each in value.items() if name not in dropped} if isinstance(value, dict) else value


def with_unix_lines(value: Any) -> Any:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def encoded(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def cut(value: Any) -> Any:
    return value[:LONGEST] if isinstance(value, str) else value


class Paging(Core):
    """Reads the first page, as if that were all."""

    async def rows(self, session: str) -> list[Row]:
        return (await super().rows(session))[:PAGE]


class TidyingUp(Core):
    """What is there twice is deleted by whoever reads it, after it was read."""

    faces = ("history", "session", "saver")

    async def rows(self, session: str) -> list[Row]:
        found = await super().rows(session)
        with self.database() as database:
            database.execute(
                "DELETE FROM rows WHERE session = ? AND n NOT IN (SELECT min(n) FROM rows GROUP BY session, row)",
                (self.key(session),),
            )
        return found


class Choking(Core):
    """One row that cannot be read, and none is."""

    def readable(self, texts: list[str]) -> list[Row]:
        return [json.loads(text) for text in texts]


class Hiding(Core):
    """One row that cannot be read, and those after it are not."""

    def readable(self, texts: list[str]) -> list[Row]:
        found: list[Row] = []
        with contextlib.suppress(json.JSONDecodeError):
            for text in texts:
                found.append(json.loads(text))  # what was read before the broken one is kept
        return found


FAULTS: dict[str, type[Core]] = {
    "faithful.messages": writing(without_calls),
    "faithful.texts": writing(with_unix_lines),
    "faithful.surrogate": writing(encoded),
    "faithful.many": Paging,
    "faithful.large": writing(cut),
    "faithful.repeatable": TidyingUp,
    "faithful.corrupt": Choking,
}
"""Check -> the store that it alone fails."""
