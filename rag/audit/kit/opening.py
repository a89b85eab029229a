"""A target: how its store is made, told apart by what the factory takes and gives.

A factory is one of: a function that returns the store; one that yields it (a generator, plain or async, or a context
manager); one that takes `session_id`, and `owner` where there are owners, and returns the object of one conversation;
one that returns or yields such a function; a callable `(session_id, text)` that answers. Where it takes `folder`, it
gets one, empty for a fresh store and the same for the same store; where it takes `prefix`, one for each of two apps
that share the store. What `checkpointer_test` of langgraph-checkpoint-conformance registers is a factory, too.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from rag.audit.kit.contract import PROBE, Subject

SKIPPED = {"delete_thread": ("clear",), "list": ("list", "search")}
"""What checkpointer_test is told to leave out -> what then cannot be done here."""


class Target:
    """A factory and the adapter that fits what it makes."""

    def __init__(self, factory: Callable[..., Any], adapters: list[type[Subject]]) -> None:
        self.factory = factory
        self.adapters = adapters

    @contextlib.asynccontextmanager
    async def open(self, folder: str, lane: str = "", prefix: str = "") -> AsyncIterator[Subject]:
        """The store of that folder, opened anew. Without a lane: the first that it has.

        Raises TypeError if no adapter fits.
        """
        given = {"folder": folder, **({"prefix": prefix} if prefix else {})}
        async with made_by(self.factory, given, lambda made: self._adapter(made) is not None) as made:
            one = made(PROBE.session) if isinstance(made, OnePerSession) else made
            adapter = self._adapter(one)
            if adapter is None:
                kind = type(one)
                raise TypeError(
                    f"No interface is known for {kind.__module__}.{kind.__qualname__}. Known: "
                    f"{'; '.join(each.interface for each in self.adapters)}."
                )
            if adapter.each_session and one is made:
                raise TypeError(f"{adapter.interface}: the factory gave one conversation, and must take session_id.")
            subject = adapter(made, lane or adapter.possible[0])
            if "prefix" in takes(self.factory):
                subject.able |= {"prefix"}
            else:
                subject.lacks["prefix"] = "the factory takes no `prefix`"
            for skipped in getattr(self.factory, "skip_capabilities", ()):
                for capability in SKIPPED.get(skipped, ()):
                    subject.able -= {capability}
                    subject.lacks[capability] = f"its skip_capabilities names {skipped}"
            yield subject

    def _adapter(self, one: Any) -> type[Subject] | None:
        return next((adapter for adapter in self.adapters if adapter.recognises(one)), None)

    async def lanes(self, folder: str) -> list[str]:
        """Those in which a conversation can be read, found by trying. Raises what the store raises if there is none."""
        found, errors = [], []
        async with self.open(folder) as subject:
            for lane in subject.possible:
                try:
                    await type(subject)(subject.made, lane).probe()
                    found.append(lane)
                except Exception as exc:
                    errors.append(exc)
        if not found:
            raise errors[0]
        return found


class OnePerSession:
    """A factory of one object a conversation, as an app keeps them: an id's object is made once."""

    def __init__(self, factory: Callable[..., Any], given: dict[str, Any]) -> None:
        self.factory = factory
        self.given = given
        self.owned = "owner" in inspect.signature(factory).parameters
        self.made: dict[tuple[str, str], Any] = {}

    def __call__(self, session_id: str, owner: str = "") -> Any:
        at = (owner if self.owned else "", session_id)
        if at not in self.made:
            whose = {"owner": owner} if self.owned else {}
            return self.made.setdefault(at, self.factory(session_id=session_id, **whose, **self.given))
        return self.made[at]


def takes(factory: Any) -> set[str]:
    """The names of what it takes; nothing for what tells nothing (some of C's, and what is registered elsewhere)."""
    try:
        return set(inspect.signature(factory).parameters)
    except (TypeError, ValueError):
        return set()


@contextlib.asynccontextmanager
async def made_by(
    factory: Callable[..., Any], offered: dict[str, str], ready: Callable[[Any], bool]
) -> AsyncIterator[Any]:
    """What the factory gives: entered if it is a context manager and not `ready` as it is."""
    if hasattr(factory, "create") and hasattr(factory, "enter_lifespan"):
        async with factory.enter_lifespan(), factory.create() as made:
            yield made
        return
    given = {name: value for name, value in offered.items() if name in takes(factory)}
    if ready(factory) and not inspect.isclass(factory):  # a class has the methods of what it makes
        yield factory
        return
    if (each := one_per_session(factory, given)) is not None:
        yield each
        return
    if inspect.isasyncgenfunction(factory):
        made = contextlib.asynccontextmanager(factory)(**given)
    elif inspect.isgeneratorfunction(factory):
        made = contextlib.contextmanager(factory)(**given)
    else:
        made = factory(**given)
        made = await made if inspect.isawaitable(made) else made
    if ready(made):
        yield made
    elif hasattr(made, "__aenter__"):
        async with made as entered:
            yield one_per_session(entered, {}) or entered
    elif hasattr(made, "__enter__"):
        with made as entered:
            yield one_per_session(entered, {}) or entered
    else:
        yield one_per_session(made, {}) or made


def one_per_session(made: Any, given: dict[str, Any]) -> OnePerSession | None:
    """A function of a session's id that makes its object, as such; None for anything else."""
    if not callable(made) or hasattr(made, "__enter__") or hasattr(made, "__aenter__"):
        return None
    wanted = takes(made)
    return OnePerSession(made, given) if "session_id" in wanted and "text" not in wanted else None
