"""One store object, two conversations at the same time: each call gets its own."""

from __future__ import annotations

from rag.audit.checks.registry import check
from rag.audit.kit.asking import told_at_once
from rag.audit.kit.overlaps import overlaps
from rag.audit.kit.trial import Trial, only

_SELF = "An id kept on the object between two steps is the next caller's id."


@check(
    "apart.shared-object",
    "Two calls that overlap on one object each get their own conversation.",
    why=_SELF,
)
async def shared_object(trial: Trial) -> None:
    async with trial.store() as store:
        if "read" not in store.subject.able:
            await told_at_once(store)
            return

        async def prepare(n: int) -> None:
            await store.say("alice", trial.at(f"alice-{n}"), f"alice-secret-{n}")
            await store.say("bob", trial.at(f"bob-{n}"), f"bob-secret-{n}")

        async for n, seen in overlaps(
            store,
            prepare,
            lambda n: store.read("alice", trial.at(f"alice-{n}")),
            lambda n: store.read("bob", trial.at(f"bob-{n}")),
        ):
            for who, read in (("alice", seen.first), ("bob", seen.second)):
                if isinstance(read, Exception):
                    raise read
                text = f"{who}-secret-{n}"
                only(
                    f"while alice was held at {seen.where}, {who}",
                    trial.at(f"{who}-{n}"),
                    read,
                    [("user", text), ("assistant", f"reply to {text}")],
                )
