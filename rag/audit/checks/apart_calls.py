"""Calls that look beyond one conversation: deleting, listing and searching keep to their own."""

from __future__ import annotations

import contextlib

from rag.audit.checks.registry import check
from rag.audit.kit.contract import Wrong
from rag.audit.kit.trial import Trial, only, short

_SQL = "https://github.com/advisories/GHSA-9rwj-6rc7-p77c"
HOSTILE = ("*", "%", "_", "@*:{*}", "a.b", "$.x", "' OR '1'='1", "') OR 1=1 --", "')) OR (('1'='1", '" OR ""="')
"""Words and names of fields that reach beyond where they are put into a query unquoted."""
ENDING = [
    f"x{quote}{close} OR {open_}{quote}a" for quote in "'\"" for open_, close in (("", ""), ("(", ")"), ("((", "))"))
]
"""Names of fields that end the text which they are put into, let everything through where the value is `a`, and leave
a query that can be run."""


@check("apart.clear", "Deleting one conversation leaves the others.", why="A clear that drops an index drops all.")
async def clear(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("clear")
        mine = trial.at("mine")
        others = [trial.at(each) for each in ("other", "mine2", "xmine")]
        kept = {at: await store.say("bob", at, f"of {number}") for number, at in enumerate(others)}
        await store.say("alice", mine, "of alice")
        await store.clear("alice", mine)
        left = await store.read("alice", mine)
        if any("of alice" in text for _, text in left):
            raise Wrong(f"alice clears {mine}, and still reads {short(left)}.")
        for at, said in kept.items():
            only("bob", at, await store.read("bob", at), said)


@check("apart.listing", "A list has each conversation by its id, and nobody else's.", why="Ids are cut from keys.")
async def listing(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("list")
        owners = ("alice", "bob") if "owner" in store.subject.able else ("",)
        expected = {}
        for owner in owners:
            ids = [trial.at(f"{owner}:x:1", owner), trial.at(f"{owner}/y", owner), trial.at(f"{owner}-z", owner)]
            for at in ids:
                await store.say(owner or "somebody", at, "hello")
            expected[owner] = sorted(at.session for at in ids)
        for owner, ids_ in expected.items():
            listed = sorted(each for each in await store.listed(owner or "somebody", owner) if trial.run in each)
            if listed != ids_:
                raise Wrong(f"{owner or 'the store'} lists {listed}. Expected: {ids_}.")


@check("apart.search", "A search finds nothing of another conversation.", why="A filter is put into SQL.", link=_SQL)
async def search(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("search")
        mine, other = trial.at("mine", "alice"), trial.at("other", "bob")
        if "owner" not in store.subject.able:
            mine, other = trial.at("mine"), trial.at("other")
        await store.say("alice", mine, "apples of alice")
        await store.say("bob", other, "apples of bob")
        tries = [("", "apples"), *((field, word) for word in HOSTILE for field in ("", word))]
        tries += [(field, "a") for field in ENDING]
        for field, word in tries:
            found = []
            with contextlib.suppress(Exception):  # refused: as good
                found = await store.search("alice", mine, word, field)
            if foreign := [said for said in found if "bob" in said[1]]:
                where = f" in the field {field!r}" if field else ""
                raise Wrong(f"alice searches her conversation for {word!r}{where} and finds {short(foreign)}.")
