"""Ids that look alike to a careless store: each is a conversation of its own, or is refused.

No id of one check is the beginning of another one's, nor of the plain one's, except where that is what is asked:
so a fault fails the check that is named after it.
"""

from __future__ import annotations

import contextlib

from rag.audit.checks.registry import check
from rag.audit.kit.asking import told_apart
from rag.audit.kit.contract import Address, NotApplicable, Said
from rag.audit.kit.trial import Store, Trial, only

_REDISVL = "https://github.com/redis/redis-vl-python"
_KEYS = "Keys are joined from parts and cut at their separators again."


async def stay_apart(trial: Trial, *ids: str) -> None:
    """These ids, in one store."""
    async with trial.store() as store:
        if "read" in store.subject.able:
            await all_apart(store, [trial.at(each) for each in ids])
        else:
            await told_apart(store, ids)


async def all_apart(store: Store, addresses: list[Address]) -> None:
    """Write to each in turn; each must then hold its own and nothing else. A refusal is as good."""
    plain = store.trial.at("plain")
    written = {plain: await store.say("somebody", plain, "a plain id works")}
    for number, at in enumerate(addresses, start=1):
        who = f"user {number}"
        try:
            before = await store.read(who, at)
            said = await store.say(who, at, f"canary-{number}")
        except Exception as exc:  # an error that says so is as good as keeping it apart
            store.trial.notes.append(f"{store.trial.lane}: {at} is refused ({type(exc).__name__})")
            continue
        only(who, at, before, [])
        written[at] = said
    if len(written) < 3:
        raise NotApplicable("such ids are refused")
    for number, (at, said) in enumerate(written.items()):
        who = f"user {number}" if number else "somebody"
        only(who, at, await store.read(who, at), said)


@check("apart.case", "Ids that differ in case are two conversations.", why="An index folds case.", link=_REDISVL)
async def case(trial: Trial) -> None:
    await stay_apart(trial, "Alice-{run}", "alice-{run}", "ALICE-{run}")


@check("apart.comma", "Ids with commas are not cut at them.", why="TAG fields are lists at commas.", link=_REDISVL)
async def comma(trial: Trial) -> None:
    await stay_apart(trial, "{run},x,1", "{run},y,1", "x,{run},1")


@check("apart.colon", "Ids with colons are not cut at them.", why=_KEYS)
async def colon(trial: Trial) -> None:
    await stay_apart(trial, "{run}:x:1", "{run}:y:1", "x:{run}:1")


@check("apart.slash", "Ids with slashes and dots are not paths.", why="A file store joins an id to its folder.")
async def slash(trial: Trial) -> None:
    await stay_apart(trial, "{run}/x/1", "{run}/y/1", "{run}/y/../x/1", "x\\{run}\\1", "x/{run}/1")


@check("apart.braces", "Ids with braces are not templates or hash tags.", why="Redis Cluster hashes what is in braces.")
async def braces(trial: Trial) -> None:
    await stay_apart(trial, "x{" + trial.run + "}1", "y{" + trial.run + "}1", "{0}" + trial.run, "%s" + trial.run)


@check("apart.wildcard", "Ids with wildcards mean themselves.", why="KEYS, SCAN and LIKE take patterns.")
async def wildcard(trial: Trial) -> None:
    await stay_apart(trial, "{run}-ab", "{run}-a?", "{run}-a*", "{run}-a%", "{run}-a_", "*{run}", "%{run}")


@check("apart.prefix", "An id that begins another is a conversation of its own.", why="Scans take all below a prefix.")
async def prefix(trial: Trial) -> None:
    await stay_apart(trial, "{run}-u1", "{run}-u10", "{run}-u10x")


@check("apart.whitespace", "White space belongs to the id.", why="Ids from forms and headers are stripped, or not.")
async def whitespace(trial: Trial) -> None:
    await stay_apart(trial, " {run}-w", "{run}-w", "{run}-v ", "{run}-v\t", "{run}  v", "{run} v")


@check("apart.control", "Control characters do not end an id.", why="C strings end at NUL, lines at a line feed.")
async def control(trial: Trial) -> None:
    await stay_apart(trial, "{run}\0x", "{run}\0y", "{run}\nx", "{run}\ny", "{run}\x1bx", "{run}\x7fx")


@check("apart.unicode", "Unicode ids are compared as they are.", why="Normal forms fold what differs.")
async def unicode(trial: Trial) -> None:
    await stay_apart(trial, "{run}-\u00e9", "{run}-e\u0301", "{run}-\uff21", "{run}-A", "{run}-ß", "{run}-ss")


@check("apart.empty", "An empty id is refused, or is nobody else's.", why="`session_id or 'default'` joins strangers.")
async def empty(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read")
        addresses = [Address(each) for each in ("", "default", "None", "null", "undefined", "0")]
        for at in addresses:
            there: list[Said] = []
            with contextlib.suppress(Exception):  # refused, as will be seen below
                there = await store.read("the auditor", at)
            if there:
                raise NotApplicable(f"{at} is in use in this store: it is left alone")
        await all_apart(store, addresses)


@check("apart.long", "Long ids are not cut.", why="A column of 255 characters cuts without a word.")
async def long(trial: Trial) -> None:
    await stay_apart(trial, *(f"{trial.run}-{'x' * size}{end}" for size in (250, 1000, 10_000) for end in "12"))


@check("apart.joined", "Owner and id are not joined into one string.", why=_KEYS)
async def joined(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("owner")
        await all_apart(store, [at for n, between in enumerate(BETWEEN) for at in joined_alike(trial.run, n, between)])


BETWEEN = ("", *":/-_|,.# ", "::", "__", "--")
"""What stands between two parts that are joined."""


def joined_alike(run: str, n: int, between: str) -> list[Address]:
    """Two whose owner and id give one string, and two whose id and owner do. No id is there twice."""
    one, two = f"{run}-{n}x", f"{run}-{n}y"
    return [
        Address(one, f"{run}{between}a"),
        Address(f"a{between}{one}", run),
        Address(f"{two}{between}a", run),
        Address(two, f"a{between}{run}"),
    ]


@check("apart.owner", "Two owners of one id have two conversations.", why="Ids are counted for each user from 1.")
async def owner(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("owner")
        await all_apart(store, [trial.at("chat-1", "alice"), trial.at("chat-1", "bob")])


@check("apart.namespace", "Two prefixes in one store keep two conversations of one id.", why="Two apps share a server.")
async def namespace(trial: Trial) -> None:
    at = trial.at("one")
    async with trial.store() as store:
        store.needs("prefix")
    async with trial.store(prefix="first:") as first, trial.store(prefix="second:") as second:
        ours = await first.say("an app", at, "of the first app")
        theirs = await second.say("another app", at, "of the second app")
        only("an app", at, await first.read("an app", at), ours)
        if "clear" in first.subject.able:
            await first.clear("an app", at)
            only("an app", at, await first.read("an app", at), [])
        only("another app", at, await second.read("another app", at), theirs)
