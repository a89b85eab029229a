"""One store for each check of `apart`, wrong in exactly that way."""

from __future__ import annotations

import re
import unicodedata
from fnmatch import fnmatchcase
from typing import Any

from tests.audit.planted.core import Core, Row


def keyed(fold: Any, faces: tuple[str, ...] = Core.faces) -> type[Core]:
    """Stores conversations under `fold(id)`."""

    class Folding(Core):
        def key(self, session: str) -> str:
            return str(fold(session))

    Folding.faces = faces
    return Folding


class Globbing(Core):
    async def rows(self, session: str) -> list[Row]:
        found = [each for each in await self.sessions() if each == session or fnmatchcase(each, session)]
        return [row for each in found for row in await Core.rows(self, each)]


class Scanning(Core):
    async def rows(self, session: str) -> list[Row]:
        found = [each for each in await self.sessions() if each == session or (session and each.startswith(session))]
        return [row for each in found for row in await Core.rows(self, each)]


class ClearingAll(Core):
    async def wipe(self, session: str) -> None:
        with self.database() as database:
            database.execute("DELETE FROM rows")


class ListingCut(Core):
    async def sessions(self) -> list[str]:
        return sorted({each.rpartition(":")[2] for each in await super().sessions()})


class SearchingUnquoted(Core):
    unquoted = True


class ReadingByItself(Core):
    """Keeps the id where all its callers do, across a gap."""

    reading = ""

    async def rows(self, session: str) -> list[Row]:
        ReadingByItself.reading = session
        await self.gap()
        return await super().rows(ReadingByItself.reading)


class WritingByItself(Core):
    writing = ""

    async def add(self, session: str, rows: list[Row]) -> None:
        WritingByItself.writing = session
        await self.gap()
        await super().add(WritingByItself.writing, rows)

    async def replace(self, session: str, rows: list[Row], expected: int) -> None:
        WritingByItself.writing = session
        await self.gap()
        await super().replace(WritingByItself.writing, rows, len(await self.rows(WritingByItself.writing)))


FAULTS: dict[str, type[Core]] = {
    "apart.case": keyed(str.lower),
    "apart.comma": keyed(lambda each: each.split(",")[0]),
    "apart.colon": keyed(lambda each: each.split(":")[0]),
    "apart.slash": keyed(lambda each: each.rpartition("/")[2]),
    "apart.braces": keyed(lambda each: found[0] if (found := re.findall(r"{([^{}]+)}", each)) else each),
    "apart.wildcard": Globbing,
    "apart.prefix": Scanning,
    "apart.whitespace": keyed(str.strip),
    "apart.control": keyed(lambda each: re.split("[\0\n]", each)[0]),
    "apart.unicode": keyed(lambda each: unicodedata.normalize("NFC", each)),
    "apart.empty": keyed(lambda each: each or "default", ("history", "session", "saver")),
    "apart.long": keyed(lambda each: each[:255]),
    "apart.clear": ClearingAll,
    "apart.listing": ListingCut,
    "apart.search": SearchingUnquoted,
    "apart.shared-read": ReadingByItself,
    "apart.shared-write": WritingByItself,
}
"""Check -> the store that it alone fails."""
