"""What a store of conversations is asked to do under an audit, whatever its interface.

Everything in this folder, in `checks/`, `adapters/` and `targets/` stands on the standard library and the audited
package alone: a reproduction is made of these very sources, and runs where Crosswire is not installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

Said = tuple[str, str]
"""Who (`user` or `assistant`) and what."""

Think = Callable[[str, list[Said]], Awaitable[str]]
"""The model of a turn: from the question and what the prompt holds before it to the answer."""


@dataclass(frozen=True, order=True)
class Address:
    """One conversation: its id as it is given to the store, and whose it is where the interface knows owners."""

    session: str
    owner: str = ""

    def __str__(self) -> str:
        named = self.session if len(self.session) <= 60 else f"{self.session[:40]}… ({len(self.session)} characters)"
        return f"{self.owner!r} {named!r}" if self.owner else repr(named)


PROBE = Address("probe-of-the-audit")
"""A conversation that is looked at to see what a store can, and never written to."""


class Wrong(AssertionError):
    """The store did what it must not. Its text is the evidence, one line."""


class CannotTell(Exception):
    """Neither right nor wrong could be shown. Its text says why, and what would tell."""


class NotApplicable(Exception):
    """The store has nothing of what is looked at. Its text says what."""


CAPABILITIES = {
    "read": "read a conversation",
    "append": "add to a conversation in one call",
    "clear": "delete a conversation",
    "list": "list conversations",
    "search": "find by what is in it",
    "owner": "keep conversations of several owners",
    "turn": "run a whole turn with a model that is handed to it",
    "ask": "answer with a model of its own",
    "ids": "take a conversation's id from outside",
    "messages": "keep messages of every type with their fields",
    "expiry": "let conversations expire",
    "prefix": "keep two prefixes or namespaces in one store",
    "process": "be opened by another process",
    "damage": "have a stored record damaged from outside",
}
"""What an interface can be able to do, by name."""


class Subject:
    """A store under audit: the base of every adapter, one instance an opened store and lane.

    A method is a coroutine. In the lane `sync` it calls the store's blocking methods and never gives the loop back; in
    `async` it awaits the store's own. What the interface has not is left out of `able`, with the reason in `lacks`.
    """

    interface = "?"
    possible: tuple[str, ...] = ("async", "sync")
    """Lanes that the interface may have; which of them a store has is found by trying."""
    each_session = False
    """Whether an object is one conversation, so that a factory has to take `session_id`."""
    reproducible = True
    """Whether a failure can be seen again by a file that stands alone."""
    able: frozenset[str] = frozenset({"read"})
    one_by_one: bool = False
    """Whether a call of the interface keeps one message, so that a turn is two calls, and can end between them."""
    lacks: dict[str, str]
    """Capability -> why it is not there, where that is worth saying."""

    def __init__(self, made: Any, lane: str) -> None:
        self.made = made
        self.lane = lane
        self.lacks = {}

    @classmethod
    def recognises(cls, made: Any) -> bool:
        """Whether what a factory made (or, for one object a session, one of them) has this interface."""
        raise NotImplementedError

    def cannot(self, capability: str) -> NotApplicable:
        """To be raised where it is needed."""
        return NotApplicable(self.lacks.get(capability) or f"the interface cannot {CAPABILITIES[capability]}")

    async def probe(self) -> None:
        """Raises what the store raises if it has not this lane."""
        await self.read(PROBE)

    def audited(self) -> list[Any]:
        """The objects whose code is stepped through: the store's own."""
        return [self.made]

    async def read(self, at: Address) -> list[Said]:
        """What the conversation holds, oldest first. A conversation that is not there is empty."""
        raise self.cannot("read")

    async def append(self, at: Address, *said: Said) -> None:
        """Add these in one call of the interface, if it has such; else by reading and writing the whole."""
        raise self.cannot("append")

    async def clear(self, at: Address) -> None:
        raise self.cannot("clear")

    async def listed(self, owner: str) -> list[str]:
        """The ids of the conversations, of this owner where the interface knows owners."""
        raise self.cannot("list")

    async def search(self, at: Address, word: str, field: str = "") -> list[Said]:
        """What a search in this conversation (or, where that is the scope, of this owner) finds.

        field: in which field, where a search names one; "" is its usual one.
        """
        raise self.cannot("search")

    async def turn(self, at: Address, text: str, think: Think) -> str:
        """One whole turn as the interface's users run it: load, ask the model, keep question and answer."""
        raise self.cannot("turn")

    async def ask(self, at: Address, text: str) -> str:
        """The answer of a chat that has its own model, for an interface that shows nothing else."""
        raise self.cannot("ask")

    def samples(self) -> list[Any]:
        """One message of each type the interface has, every field filled, in its own classes."""
        raise self.cannot("messages")

    async def keep(self, at: Address, messages: list[Any]) -> None:
        """Add messages in the interface's own classes."""
        raise self.cannot("messages")

    async def kept(self, at: Address) -> list[Any]:
        """The conversation in the interface's own classes."""
        raise self.cannot("messages")


async def answered(text: str, _: list[Said]) -> str:
    """A model that answers at once."""
    return f"answer to {text}"


def run_now(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits: the lane `sync`, in any thread."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # the coroutine's own T
    work.close()
    raise RuntimeError("a blocking call gave the event loop back")


def run_apart(call: Callable[[], T]) -> T:
    """The result of a blocking call; where this thread runs an event loop, in another one, for it may start its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()
