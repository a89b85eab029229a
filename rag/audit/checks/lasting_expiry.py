"""Conversations expire as one: all of their keys, from their first moment on, and later with each turn."""

from __future__ import annotations

from rag.audit.checks.registry import check
from rag.audit.kit.contract import CannotTell, Said, Wrong
from rag.audit.kit.expiry import FOREVER, Key, Keys, expiring, some
from rag.audit.kit.trial import Store, Trial, short
from rag.audit.kit.wire import Sent

_HALF = "Each message is a key with a time of its own, or one of two keys is renewed: the older half goes first."
LEAST = 4_000
"""Milliseconds of life with which something can still be told."""


@check(
    "lasting.expiry-set-with-write",
    "No key of a conversation exists without its expiry, not for a moment.",
    why="A write, then EXPIRE: whoever dies between leaves a key that never goes.",
    link="https://redis.io/docs/latest/commands/expire/",
)
async def set_with_write(trial: Trial) -> None:
    async with expiring(trial) as (store, keys):
        bare: dict[Key, str] = {}

        def look(sent: Sent) -> None:
            for key, left in keys.left().items():
                if left == FOREVER:
                    bare.setdefault(key, sent.what)

        keys.wire.before = look
        for text in ("the first", "the second"):
            await store.say("somebody", trial.at("one"), text)
        keys.wire.before = lambda _: None
        left = some(keys.left())
        for key, following in bare.items():
            if left.get(key) != FOREVER:  # one that stays without is not whole, which is another check's
                raise Wrong(
                    f"When {following} is about to be sent, the key {key} exists without expiry: whoever dies there "
                    f"leaves it for ever."
                )
        trial.notes.append(f"{trial.lane}: the keys were looked at before each command, through another connection")


async def two_turns(trial: Trial, store: Store, keys: Keys) -> tuple[dict[Key, int], dict[Key, int], list[Said]]:
    """A turn, half of its keys' time taken away as if it had passed, and another turn.

    What each key had left in ms after the first turn, what it has after the second, and what was said in both.
    """
    at = trial.at("one")
    said = await store.say("somebody", at, "the first")
    first = some(keys.left())
    expiring_keys = {key: left for key, left in first.items() if left > FOREVER}
    if max(expiring_keys.values()) < LEAST:
        raise CannotTell("A conversation lives for seconds: with a longer expiry it could be told.")
    for key, left in expiring_keys.items():
        keys.on(key, "PEXPIRE", left // 2)
    said += await store.say("somebody", at, "the second")
    trial.notes.append(f"{trial.lane}: half of the time of {len(expiring_keys)} keys was taken away between two turns")
    return first, keys.left(), said


@check("lasting.expiry-slides", "A later turn renews the conversation's expiry.", why="It expires while it is in use.")
async def slides(trial: Trial) -> None:
    async with expiring(trial) as (store, keys):
        first, then, _ = await two_turns(trial, store, keys)
        longest = max(first.values())
        if max(then.values(), default=0) < longest * 3 // 4 and FOREVER not in then.values():
            raise Wrong(
                f"A conversation had {longest / 1000:.0f} s left after its first turn. Half of that later it has a "
                f"second one, and {max(then.values(), default=0) / 1000:.0f} s left."
            )


@check("lasting.expiry-whole", "All keys of a conversation expire together: none of it goes first.", why=_HALF)
async def whole(trial: Trial) -> None:
    async with expiring(trial) as (store, keys):
        _, then, said = await two_turns(trial, store, keys)
        passing = {key: left for key, left in then.items() if left > FOREVER}
        last = max(passing.values())
        early = [key for key, left in passing.items() if left < last * 3 // 4]
        for_ever = [key for key, left in then.items() if left == FOREVER]
        if for_ever:
            raise Wrong(
                f"The keys of a conversation do not expire together: {for_ever[0]} never does, {next(iter(passing))} "
                f"in {last / 1000:.0f} s."
            )
        if not early:
            return
        for key in early:  # what it is without them is what a reader finds when their time is over
            keys.on(key, "DEL")
        found = await store.read("a reader after that", trial.at("one"))
        if found not in (said, []):
            raise Wrong(
                f"{early[0]} expires {(last - passing[early[0]]) / 1000:.0f} s before the rest of its conversation. "
                f"Then it holds {short(found)}. Expected: {short(said)}; or nothing."
            )
        trial.notes.append(f"{trial.lane}: {len(early)} keys go first, and a reader does not miss them")
