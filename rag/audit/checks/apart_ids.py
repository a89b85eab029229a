"""Ids that look alike to a careless store: each is a conversation of its own, or is refused."""

from __future__ import annotations

from rag.audit.checks.registry import check
from rag.audit.kit.asking import told_apart
from rag.audit.kit.contract import NotApplicable
from rag.audit.kit.trial import Trial, only


async def stay_apart(trial: Trial, *ids: str) -> None:
    """Write to each of these ids in turn; each must then hold its own and nothing else, or be refused."""
    async with trial.store() as store:
        if "read" not in store.subject.able:
            await told_apart(store, ids)
            return
        plain = trial.at("plain")
        written = {plain: await store.say("somebody", plain, "a plain id works")}
        for number, text in enumerate(ids, start=1):
            at, who = trial.at(text), f"user {number}"
            try:
                before = await store.read(who, at)
                said = await store.say(who, at, f"canary-{number}")
            except Exception as exc:  # an error that says so is as good as keeping it apart
                trial.notes.append(f"{trial.lane}: {at} is refused ({type(exc).__name__})")
                continue
            only(who, at, before, [])
            written[at] = said
        if len(written) < 3:
            raise NotApplicable("such ids are refused")
        for at, said in written.items():
            only(f"the user of {at}", at, await store.read("its user", at), said)


@check("apart.case", "Ids that differ in case are two conversations.", why="RediSearch folds the case of TEXT fields.")
async def case(trial: Trial) -> None:
    await stay_apart(trial, "Alice-{run}", "alice-{run}", "ALICE-{run}")


@check("apart.colon", "Ids with colons are not cut at them.", why="Keys are often joined and split at the colon.")
async def colon(trial: Trial) -> None:
    await stay_apart(trial, "{run}:a", "{run}:a:b", "{run}", "a:{run}", ":{run}", "{run}:")


@check("apart.wildcard", "Ids with wildcards mean themselves.", why="KEYS, SCAN and LIKE take patterns.")
async def wildcard(trial: Trial) -> None:
    await stay_apart(
        trial, "{run}-ab", "{run}-a?", "{run}-a*", "{run}-a%", "{run}-a_", "{run}-[ab]b", "*{run}", "%{run}"
    )
