"""One store for each check of owners and prefixes, wrong in exactly that way."""

from __future__ import annotations

from tests.audit.planted.core import Core, name_of


class Joining(Core):
    """An owner and an id are one string, with a colon between."""

    faces = ("store",)

    @classmethod
    def place(cls, prefix: str, owner: str, session: str) -> tuple[str, str]:
        return name_of(prefix), f"{owner}:{session}"

    async def listed(self, owner: str) -> list[str]:
        return [each.removeprefix(f"{owner}:") for each in await self.sessions() if each.startswith(f"{owner}:")]


class JoiningTheOtherWay(Joining):
    @classmethod
    def place(cls, prefix: str, owner: str, session: str) -> tuple[str, str]:
        return name_of(prefix), f"{session}/{owner}"

    async def listed(self, owner: str) -> list[str]:
        return [each.removesuffix(f"/{owner}") for each in await self.sessions() if each.endswith(f"/{owner}")]


class JoiningWithNothing(Joining):
    @classmethod
    def place(cls, prefix: str, owner: str, session: str) -> tuple[str, str]:
        return name_of(prefix), owner + session

    async def listed(self, owner: str) -> list[str]:
        return [each.removeprefix(owner) for each in await self.sessions() if each.startswith(owner)]


class ForgettingOwners(Core):
    """An id is one conversation, whoever's; the list tells by what is in it whose it is."""

    faces = ("store",)

    @classmethod
    def place(cls, prefix: str, owner: str, session: str) -> tuple[str, str]:
        return name_of(prefix), session

    async def listed(self, owner: str) -> list[str]:
        return [each for each in await self.sessions() if any(row["owner"] == owner for row in await self.rows(each))]


class ForgettingPrefixes(Core):
    faces = ("store",)

    @classmethod
    def place(cls, prefix: str, owner: str, session: str) -> tuple[str, str]:
        return super().place("", owner, session)


FAULTS: dict[str, type[Core]] = {
    "apart.joined": Joining,
    "apart.owner": ForgettingOwners,
    "apart.namespace": ForgettingPrefixes,
}
"""Check -> the store that it alone fails."""
