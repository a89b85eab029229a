"""One check at one store: fresh names, what was done in its order, and overlaps that are forced."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.audit.kit.contract import Address, Said, Subject, T, Think, Wrong, run_now
from rag.audit.kit.opening import Target

MEANWHILE = "…"
"""What comes of a step whose call goes on; its end is a step of its own, after what others did meanwhile."""


@dataclass
class Step:
    """Something that was done, by whom, and what came of it."""

    who: str
    did: str
    came: str = ""


@dataclass
class Trial:
    """What a check is given. `lane`: `sync` or `async`; `folder`: the store's own, `run`: makes names unique."""

    target: Target
    lane: str
    folder: str
    run: str
    budget: float = 10.0
    """Seconds from its beginning in which forced overlaps are tried."""
    began: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    opened: int = 0
    """Times that a store was."""

    def until(self, share: float = 1.0) -> float:
        """When (monotonic) such a share of what is left of the budget is over. Whatever it did before counts: where a
        machine is busy a check tries fewer places, and does not outlast its limit."""
        now = time.monotonic()
        return now + share * max(0.0, self.began + self.budget - now)

    def name(self, text: str) -> str:
        """This id, in this run alone: its beginning and its end stay as they are."""
        return text.replace("{run}", self.run) if "{run}" in text else f"{self.run}-{text}"

    def at(self, text: str, owner: str = "") -> Address:
        return Address(self.name(text), owner)

    @contextlib.asynccontextmanager
    async def store(self, folder: str = "", prefix: str = "") -> AsyncIterator[Store]:
        """The store, opened anew; of another folder, or with a prefix, where one is given."""
        async with self.target.open(folder or self.folder, self.lane, prefix) as subject:
            self.opened += 1
            store = Store(subject, self)
            try:
                yield store
            finally:
                await store.tidy()

    def apart(self, work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """The same, so that others get on meanwhile: in the lane `sync` in a thread."""
        return asyncio.to_thread(run_now, work) if self.lane == "sync" else work

    @contextlib.contextmanager
    def fresh_folder(self) -> Iterator[str]:
        """A folder of its own for a store that holds nothing yet."""
        with tempfile.TemporaryDirectory(prefix="audit-") as folder:
            yield folder


class Store:
    """An opened store as a check uses it: each call names who makes it, and is kept as a step."""

    def __init__(self, subject: Subject, trial: Trial) -> None:
        self.subject = subject
        self.trial = trial
        self.number = trial.opened
        """The how-manieth it is, of those that the trial opens."""
        self.used: set[Address] = set()

    def needs(self, *capabilities: str) -> None:
        """Raises NotApplicable, with the adapter's reason, if the interface cannot."""
        for each in capabilities:
            if each not in self.subject.able:
                raise self.subject.cannot(each)

    async def tidy(self) -> None:
        """Delete what this trial left, where the interface can."""
        if "clear" in self.subject.able:
            for at in sorted(self.used):
                with contextlib.suppress(Exception):
                    await self.subject.clear(at)

    async def say(self, who: str, at: Address, text: str, reply: str = "") -> list[Said]:
        """Add a turn whose texts are these. What was added."""
        pair: list[Said] = [("user", text), ("assistant", reply or f"reply to {text}")]
        await self.add(who, at, pair)
        return pair

    async def add(self, who: str, at: Address, said: list[Said]) -> None:
        """Add these in one call."""
        self.used.add(at)
        await self._did(who, f"adds to {at}", self.subject.append(at, *said), show=lambda _: short(said))

    async def keep(self, who: str, at: Address, messages: list[Any]) -> None:
        """Add messages in the interface's own classes."""
        self.used.add(at)
        await self._did(who, f"adds to {at}", self.subject.keep(at, messages), show=lambda _: f"{messages!r:.200}")

    async def kept(self, who: str, at: Address) -> list[Any]:
        """What is read in the interface's own classes."""
        return await self._did(who, f"reads {at}", self.subject.kept(at), show=lambda found: f"{found!r:.200}")

    async def read(self, who: str, at: Address) -> list[Said]:
        return await self._did(who, f"reads {at}", self.subject.read(at), show=short)

    async def clear(self, who: str, at: Address) -> None:
        await self._did(who, f"clears {at}", self.subject.clear(at), show=lambda _: "done")

    async def listed(self, who: str, owner: str = "") -> list[str]:
        return await self._did(who, "lists conversations", self.subject.listed(owner), show=repr)

    async def search(self, who: str, at: Address, word: str, field: str = "") -> list[Said]:
        return await self._did(
            who,
            f"searches {at} for {word!r}{' in ' + repr(field) if field else ''}",
            self.subject.search(at, word, field),
            show=short,
        )

    async def turn(self, who: str, at: Address, text: str, think: Think) -> str:
        self.used.add(at)
        return await self._did(who, f"asks in {at}: {text}", self.subject.turn(at, text, think), show=str)

    async def ask(self, who: str, at: Address, text: str) -> str:
        self.used.add(at)
        return await self._did(who, f"asks in {at}: {text}", self.subject.ask(at, text), show=lambda said: said[:200])

    async def _did(self, who: str, did: str, call: Coroutine[Any, Any, T], show: Callable[[T], str]) -> T:
        step = Step(who, did)
        self.trial.steps.append(step)
        try:
            found = await call
        except BaseException as exc:
            self._came(step, f"{type(exc).__name__}: {str(exc)[:200]}")
            raise
        self._came(step, show(found))
        return found

    def _came(self, step: Step, came: str) -> None:
        if self.trial.steps[-1] is step:
            step.came = came
        else:
            step.came = MEANWHILE
            self.trial.steps.append(Step(step.who, f"{MEANWHILE} {step.did}", came))


def short(said: list[Said]) -> str:
    """What was said, in one line."""
    texts = [f"{role}: {text if len(text) <= 60 else text[:40] + '…'}" for role, text in said[:6]]
    more = f" and {len(said) - 6} more" if len(said) > 6 else ""
    return "; ".join(texts) + more if said else "nothing"


def only(who: str, at: Address, read: list[Said], expected: list[Said]) -> None:
    """Raises Wrong unless exactly this was read."""
    if read != expected:
        raise Wrong(f"{who} reads {at}: {short(read)}. Expected: {short(expected)}.")
