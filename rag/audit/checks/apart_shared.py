"""One store object, two conversations at the same time: each call has its own."""

from __future__ import annotations

from rag.audit.checks.registry import check
from rag.audit.kit.asking import told_at_once
from rag.audit.kit.contract import Said
from rag.audit.kit.overlaps import overlaps
from rag.audit.kit.trial import Store, Trial, only

_SELF = "An id that is kept on the object between two steps is the next caller's id."


def of(who: str, n: int) -> list[Said]:
    """What this user said in the n-th try."""
    return [("user", f"{who}-secret-{n}"), ("assistant", f"reply to {who}-secret-{n}")]


async def written(store: Store, who: str, n: int) -> None:
    await store.say(who, store.trial.at(f"{who}-{n}-of-these"), of(who, n)[0][1])


async def read(store: Store, who: str, n: int) -> list[Said]:
    return await store.read(who, store.trial.at(f"{who}-{n}-of-these"))


@check("apart.shared-read", "Two reads that overlap on one object each get their own conversation.", why=_SELF)
async def shared_read(trial: Trial) -> None:
    async with trial.store() as store:
        if "read" not in store.subject.able:
            await told_at_once(store)
            return

        async def prepare(n: int) -> None:
            await written(store, "alice", n)
            await written(store, "bob", n)

        async for n, seen in overlaps(
            store, lambda n: read(store, "alice", n), lambda n: read(store, "bob", n), prepare
        ):
            for who, came in (("alice", seen.first), ("bob", seen.second)):
                if isinstance(came, Exception):
                    raise came
                only(f"while alice was held at {seen.where}, {who}", trial.at(f"{who}-{n}-of-these"), came, of(who, n))


@check("apart.shared-write", "Two writes that overlap on one object each reach their own conversation.", why=_SELF)
async def shared_write(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read")
        async for n, seen in overlaps(store, lambda n: written(store, "alice", n), lambda n: written(store, "bob", n)):
            for who, came in (("alice", seen.first), ("bob", seen.second)):
                if isinstance(came, Exception):
                    trial.notes.append(f"{who}'s write was refused: {type(came).__name__}")
                expected = [] if isinstance(came, Exception) else of(who, n)
                only(
                    f"alice was held at {seen.where}; {who}",
                    trial.at(f"{who}-{n}-of-these"),
                    await read(store, who, n),
                    expected,
                )
