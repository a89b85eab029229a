"""A damaged record hides nothing valid.

What was seen: One of 6 messages is damaged (in agno_runs.run_data), and none can be read: JSONDecodeError: Unterminated string starting at: line 1 column 444 (char 443)
Why it matters: One row that cannot be read fails all.

pip install pytest SQLAlchemy==2.1.9 agno==3.1.10
pytest THIS_FILE
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cache
from functools import partial
from pathlib import Path
from typing import Any
from typing import TypeVar

def test_faithful_corrupt() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Target(sqlite, [AgnoDb])
        asyncio.run(corrupt(Trial(target, "async", folder, run="r1", budget=60)))

async def corrupt(trial: Trial) -> None:
    at = trial.at("damaged")
    words = {f"{place}{trial.run}": f"reply after {place}" for place in ("before", "broken", "after")}
    try:
        async with watched(trial) as (store, wire):
            said = [each for word, reply in words.items() for each in await store.say("a writer", at, word, reply)]
            store.used.clear()  # it has to be there when the store is opened again
            reach = Reach(trial.folder, wire)
        with contextlib.closing(reach):
            before, broken, after = words
            await nothing_hidden(trial, at, said, reach.holding(broken, [before, after]))
    finally:
        with contextlib.suppress(Exception):  # what was said is the verdict
            async with trial.store() as store:
                store.used.add(at)

async def nothing_hidden(trial: Trial, at: Address, said: list[Said], records: list[Record]) -> None:
    """Damage one after the other until the message cannot be read any more. Raises Wrong if another cannot, either."""
    broken = said[2]
    damaged: list[Record] = []
    try:
        for record in records:
            damaged.append(record)
            record.cut(broken[1])
            trial.notes.append(f"{trial.lane}: {record.where} was cut off in the middle of a message")
            valid = [each for each in said if not any(hit.holds(each[1]) for hit in damaged)]
            one = f"One of 6 messages is damaged (in {record.where})"
            try:
                async with trial.store() as reopened:
                    read = await reopened.read("a reader", at)
            except Exception as exc:
                raise Wrong(f"{one}, and none can be read: {type(exc).__name__}: {str(exc)[:200]}") from exc
            if [each for each in read if each in valid] != valid:
                raise Wrong(f"{one}. Read: {short(read)}. Valid: {short(valid)}.")
            if broken not in read:
                return
        raise NotApplicable(f"what is read of a message is not in {', '.join(each.where for each in damaged)}")
    finally:
        for record in damaged:
            with contextlib.suppress(Exception):  # the store may have moved it meanwhile
                record.mend()

T = TypeVar("T")

Said = tuple[str, str]

Think = Callable[[str, list[Said]], Awaitable[str]]

@dataclass(frozen=True, order=True)
class Address:
    """One conversation: its id as it is given to the store, and whose it is where the interface knows owners."""

    session: str
    owner: str = ""

    def __str__(self) -> str:
        named = self.session if len(self.session) <= 60 else f"{self.session[:40]}… ({len(self.session)} characters)"
        return f"{self.owner!r} {named!r}" if self.owner else repr(named)

PROBE = Address("probe-of-the-audit")

class Wrong(AssertionError):
    """The store did what it must not. Its text is the evidence, one line."""

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

def run_now(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits: the lane `sync`, in any thread."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # the coroutine's own T
    work.close()
    raise RuntimeError("a blocking call gave the event loop back")

@dataclass(frozen=True)
class Found:
    """What a client sends, before it does."""

    client: str
    names: list[str]
    size: int
    link: Any = None
    commands: tuple[tuple[bytes, ...], ...] = ()
    pipeline: Any = None
    """What is sent in the same one goes with it, at once."""

Saw = Callable[[Found], None]

Undo = Callable[[], None]

def redis_like() -> list[str]:
    """The loaded modules of connections of redis-py and of valkey-py, which has the same ones."""
    homes = [f"{library}{part}.connection" for library in ("redis", "valkey") for part in ("", ".asyncio")]
    return [home for home in homes if home in sys.modules]

def watch_redis(home: str, saw: Saw, heard: Callable[[Any], None]) -> Undo:
    kind: Any = sys.modules[home].AbstractConnection
    send, read = kind.send_packed_command, kind.read_response

    def packed(link: Any, command: Any) -> list[Any]:
        chunks = [command] if isinstance(command, (bytes, str, memoryview)) else list(command)
        whole = b"".join(each.encode() if isinstance(each, str) else bytes(each) for each in chunks)
        commands = commands_of(whole)
        saw(Found("redis", [str(each[0], "latin-1").upper() for each in commands], len(whole), link, commands))
        return chunks

    if ".asyncio" in home:

        @functools.wraps(send)
        async def send_async(link: Any, command: Any, *given: Any, **named: Any) -> Any:
            return await send(link, packed(link, command), *given, **named)

        @functools.wraps(read)
        async def read_async(link: Any, *given: Any, **named: Any) -> Any:
            reply = await read(link, *given, **named)
            heard(reply)
            return reply

        kind.send_packed_command, kind.read_response = send_async, read_async
    else:

        @functools.wraps(send)
        def send_now(link: Any, command: Any, *given: Any, **named: Any) -> Any:
            return send(link, packed(link, command), *given, **named)

        @functools.wraps(read)
        def read_now(link: Any, *given: Any, **named: Any) -> Any:
            reply = read(link, *given, **named)
            heard(reply)
            return reply

        kind.send_packed_command, kind.read_response = send_now, read_now

    def undo() -> None:
        kind.send_packed_command, kind.read_response = send, read

    return undo

def commands_of(packed: bytes) -> tuple[tuple[bytes, ...], ...]:
    """The commands in what is sent, each with its words: Redis' protocol, arrays of strings that tell their length."""
    found, at = [], 0

    def number() -> int:
        nonlocal at
        end = packed.index(b"\r\n", at)
        value = int(packed[at + 1 : end])
        at = end + 2
        return value

    while packed[at : at + 1] == b"*":
        words = []
        for _ in range(number()):
            size = number()
            words.append(packed[at : at + size])
            at += size + 2
        found.append(tuple(words))
    return tuple(found)

def watch_sqlite(saw: Saw) -> Undo:
    """Each connection that is opened from now on tells its statements, as they begin."""
    import sqlite3

    connect = sqlite3.connect

    @functools.wraps(connect)
    def connect_watched(*given: Any, **named: Any) -> Any:
        made = connect(*given, **named)
        database = str(given[0] if given else named.get("database", ""))

        def begins(statement: str) -> None:
            if not statement.startswith("--"):  # of a trigger
                name = [*statement.upper().split(None, 1), "?"][0].rstrip(";")
                saw(Found("sqlite3", [name], len(statement.encode(errors="replace")), database))

        made.set_trace_callback(begins)
        return made

    homes = [each for each in list(sys.modules.values()) if vars(each).get("connect") is connect]
    for each in homes:
        vars(each)["connect"] = connect_watched

    def undo() -> None:
        for each in homes:
            vars(each)["connect"] = connect

    return undo

def watch_psycopg(saw: Saw, heard: Callable[[Any], None]) -> Undo:
    """Its cursors: each statement as it is executed, and the rows that come of one by itself."""
    import psycopg

    undone: list[Undo] = []

    def statement(link: Any, query: Any, given: Any) -> None:
        text = query if isinstance(query, (str, bytes)) else repr(query)
        packed = text.encode(errors="replace") if isinstance(text, str) else text
        name = packed.decode(errors="replace").strip(" \r\n\t;").split(None, 1)[:1] or ["empty statement"]
        pipeline = getattr(link, "_pipeline", None)
        saw(Found("psycopg", [name[0].upper()], len(packed) + size_of(given), link, ((packed,),), pipeline))

    def begins(name: str, cursor: Any, query: Any, params: Any) -> Any:
        """The parameters, which may have been an iterator."""
        if name == "executemany" and not isinstance(params, (list, tuple)):
            params = list(params)
        statement(getattr(cursor, "connection", None), query, params)
        return params

    def ends(cursor: Any) -> None:
        if result := cursor.pgresult:
            heard([result.get_value(row, field) for row in range(result.ntuples) for field in range(result.nfields)])

    def replace(kind: Any, name: str) -> None:
        original = getattr(kind, name)

        @functools.wraps(original)
        def watched_now(cursor: Any, query: Any, params: Any = None, *given: Any, **named: Any) -> Any:
            done = original(cursor, query, begins(name, cursor, query, params), *given, **named)
            ends(cursor)
            return done

        @functools.wraps(original)
        async def watched_async(cursor: Any, query: Any, params: Any = None, *given: Any, **named: Any) -> Any:
            done = await original(cursor, query, begins(name, cursor, query, params), *given, **named)
            ends(cursor)
            return done

        setattr(kind, name, watched_async if kind is psycopg.AsyncCursor else watched_now)
        undone.append(lambda: setattr(kind, name, original))

    for kind in (psycopg.Cursor, psycopg.AsyncCursor):
        for name in ("execute", "executemany"):
            replace(kind, name)

    def undo() -> None:
        for each in undone:
            each()

    return undo

SEEN_ELSEWHERE = ("pysqlite", "aiosqlite", "psycopg", "psycopg_async")

def watch_sqlalchemy(saw: Saw) -> Undo:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def executes(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if connection.dialect.driver not in SEEN_ELSEWHERE:
            name = statement.split(None, 1)[0].upper()
            saw(Found("sqlalchemy", [name], size_of(statement) + size_of(parameters)))

    event.listen(Engine, "before_cursor_execute", executes)
    return lambda: event.remove(Engine, "before_cursor_execute", executes)

def size_of(value: Any, depth: int = 8) -> int:
    """Bytes of the texts and the numbers in it."""
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return len(value)
    if isinstance(value, dict):
        return size_of([*value.keys(), *value.values()], depth)
    if isinstance(value, Iterable) and depth:
        return sum(size_of(each, depth - 1) for each in value)
    return 0 if value is None else len(str(value))

SKIPPED = {"delete_thread": ("clear",), "list": ("list", "search")}

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

MEANWHILE = "…"

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

HANDSHAKE = {"HELLO", "AUTH", "CLIENT", "SELECT", "PING", "COMMAND", "CLUSTER", "READONLY", "INFO", "SENTINEL"}

@dataclass(frozen=True)
class Sent:
    """What was sent at once: a command, or a pipeline of several."""

    client: str
    """`redis` (valkey-py as well), `sqlite3`, `psycopg` or `sqlalchemy`."""
    what: str
    """The names of its commands."""
    size: int
    """Bytes."""
    thread: int
    """The identifier of the thread that sent it."""
    link: Any
    """Of Redis and psycopg: the connection; of sqlite3: the database's name."""
    commands: tuple[tuple[bytes, ...], ...] = ()
    """Of Redis: each with its words; of psycopg: the statements."""
    pipeline: Any = None
    """Of psycopg: the one that it is sent in."""

    def with_next(self, sent: Sent) -> Sent:
        """It and what follows in the same pipeline."""
        what, commands = f"{self.what}, {sent.what}", self.commands + sent.commands
        return replace(self, what=what, size=self.size + sent.size, commands=commands)

class Wire:
    """All that is sent while it is entered, in order. `before` is called with each before it goes, in its thread."""

    def __init__(self, folder: str = "") -> None:
        self.folder = os.path.realpath(folder) if folder else ""
        """Files that are opened in it are seen as well."""
        self.sent: list[Sent] = []
        self.received = 0
        """Bytes of the values in Redis' replies, and of PostgreSQL's rows."""
        self.opened: list[tuple[int, bool]] = []
        """Of each file that was opened in the folder: the thread, and whether to write."""
        self.before: Callable[[Sent], None] = lambda _: None
        self._aside = threading.local()
        self._watching: dict[Any, Callable[[], None]] = {}

    def __enter__(self) -> Wire:
        import sqlite3  # noqa: F401  # what it opens later is seen from its beginning alone

        entered().append(self)
        self.attach()
        return self

    def attach(self) -> None:
        """Watch the clients that have been loaded since, too."""
        for kind, watch in {"sqlite3": watch_sqlite, "sqlalchemy": watch_sqlalchemy}.items():
            if kind in sys.modules and kind not in self._watching:
                self._watching[kind] = watch(self._saw)
        if "psycopg" in sys.modules and "psycopg" not in self._watching:
            self._watching["psycopg"] = watch_psycopg(self._saw, self._heard)
        for module in redis_like():
            if module not in self._watching:
                self._watching[module] = watch_redis(module, self._saw, self._heard)

    def __exit__(self, *_: object) -> None:
        entered().remove(self)
        for undo in self._watching.values():
            undo()
        self._watching.clear()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What this thread sends now is the auditor's own."""
        self._aside.on = True
        try:
            yield
        finally:
            self._aside.on = False

    def _saw(self, found: Found) -> None:
        own = found.client == "redis" and HANDSHAKE.issuperset(found.names)
        if own or getattr(self._aside, "on", False):
            return
        what = ", ".join(found.names[:6])
        sent = Sent(found.client, what, found.size, threading.get_ident(), found.link, found.commands, found.pipeline)
        self.before(sent)
        if found.pipeline and self.sent and self.sent[-1].pipeline is found.pipeline:
            self.sent[-1] = self.sent[-1].with_next(sent)
        else:
            self.sent.append(sent)

    def _heard(self, reply: Any) -> None:
        if not getattr(self._aside, "on", False):
            self.received += size_of(reply)

    @property
    def outside(self) -> bool:
        """Whether something was put where it can outlive the process: on a server, or into a file."""
        return any(write for _, write in self.opened) or any(
            each.client != "sqlite3" or not is_volatile(each.link) for each in self.sent
        )

@cache
def entered() -> list[Wire]:
    """Those that see now. Python's audit hook, which tells them of files, is set once, and cannot be taken away."""
    sys.addaudithook(_audited)
    return []

def is_volatile(database: str) -> bool:
    return database in ("", ":memory:") or ":memory:" in database or "mode=memory" in database

def _audited(event: str, given: Any) -> None:
    """Python's own audit event of a file that is opened."""
    if event != "open" or not isinstance(given[0], str):
        return
    path, mode, flags = given
    for wire in list(entered()):
        if wire.folder and os.path.abspath(path).startswith(wire.folder + os.sep):  # noqa: PTH100  # opens nothing itself
            write = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))
            wire.opened.append((threading.get_ident(), write))

@contextlib.asynccontextmanager
async def watched(trial: Trial) -> AsyncIterator[tuple[Store, Wire]]:
    """The store, opened anew and read once, so that it is connected, with all that it sends from then on."""
    with Wire(trial.folder) as wire:
        async with trial.store() as store:
            store.needs("read")
            await store.read("the auditor", trial.at("nobody"))
            wire.attach()
            await store.read("the auditor", trial.at("nobody"))
            wire.sent.clear()
            wire.opened.clear()
            wire.received = 0
            yield store, wire

LONGEST_KEY = 1024

FOREVER = -1

Where = tuple[str, ...]

@dataclass(frozen=True, order=True)
class Key:
    where: Where
    name: bytes

    def __str__(self) -> str:
        return repr(self.name.decode(errors="replace"))

class Keys:
    """What is left of the time of the keys that a store names, in ms."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.others: set[Key] = set()
        """Named for other conversations, too."""
        self._links: dict[Where, Any] = {}

    def named(self) -> set[Key]:
        """The words that were sent to a Redis and could be keys."""
        found: set[Key] = set()
        for sent in self.wire.sent:
            if sent.client == "redis":
                where = self._beside(sent.link)
                found.update(
                    Key(where, word) for command in sent.commands for word in command[1:] if len(word) <= LONGEST_KEY
                )
        return found

    def left(self) -> dict[Key, int]:
        """Of each key of the conversation that is there now."""
        wanted: dict[Where, list[Key]] = {}
        for key in sorted(self.named() - self.others):
            wanted.setdefault(key.where, []).append(key)
        found: dict[Key, int] = {}
        with self.wire.aside():
            for where, keys in wanted.items():
                pipeline = self._links[where].pipeline(transaction=False)
                for key in keys:
                    pipeline.pttl(key.name)
                found.update(zip(keys, pipeline.execute(raise_on_error=False), strict=True))
        return {key: left for key, left in found.items() if isinstance(left, int) and left >= FOREVER}

    def on(self, key: Key, command: str, *given: object) -> Any:
        """Give the server a command on this key. Its reply."""
        with self.wire.aside():
            return self._links[key.where].execute_command(command, key.name, *given)

    def _beside(self, link: Any) -> Where:
        names = ("path", "host", "port", "db")
        where = tuple(str(getattr(link, name, "") or "") for name in names)
        if where not in self._links:
            self._links[where] = beside(link)
        return where

    def close(self) -> None:
        with self.wire.aside():
            for each in self._links.values():
                each.close()

def beside(link: Any) -> Any:
    """A client of our own to the server of a connection, of the same library. It repeats nothing."""
    home = next(kind.__module__ for kind in type(link).__mro__ if kind.__module__.startswith(("redis.", "valkey.")))
    library = sys.modules[home.partition(".")[0]]
    given = {
        ours: found
        for ours, theirs in (("unix_socket_path", "path"), ("host", "host"), ("port", "port"), ("db", "db"))
        if (found := getattr(link, theirs, None))
    }
    provider = getattr(link, "credential_provider", None)
    login = (
        provider.get_credentials() if provider else (getattr(link, "username", None), getattr(link, "password", None))
    )
    given |= dict(zip(("username", "password") if len(login) == 2 else ("password",), login, strict=True))
    if any("SSL" in kind.__name__ for kind in type(link).__mro__):
        # To the very server that the store has already seen to be the right one.
        given |= {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
    kind = getattr(library, "Redis", None) or library.Valkey
    never = library.retry.Retry(library.backoff.NoBackoff(), 0)
    return kind(**given, retry=never)

_HEADER = b"SQLite format 3\0"

MOST_ELEMENTS = 10_000

MOST_BYTES = 10_000_000

NOT_REACHED = (
    "no record of it can be damaged from outside: none is found as text in an SQLite file of its folder, nor in the "
    "Redis keys and the PostgreSQL tables that its commands name"
)

@dataclass(frozen=True)
class Record:
    """A stored value: a cell of a table, an element of a list, a field of a hash, a member of a JSON document."""

    where: str
    held: Any
    """Its text, or its bytes."""
    write: Callable[[Any], None]
    """Put this in its place: half of a text, or the text that was there."""

    def holds(self, word: str) -> bool:
        return (word.encode() if isinstance(self.held, bytes) else word) in self.held

    def cut(self, word: str) -> None:
        """Cut it off in the middle of the word."""
        self.write(
            self.held[: self.held.index(word.encode() if isinstance(self.held, bytes) else word) + len(word) // 2]
        )

    def mend(self) -> None:
        self.write(self.held)

class Reach:
    """All the records that a store can be seen to have. To be made while its connections are open; then closed."""

    def __init__(self, folder: str, wire: Wire) -> None:
        self.folder = folder
        self.keys = Keys(wire)
        self.named = sorted(self.keys.named())
        self.statements = b" ".join(
            words[0] for each in wire.sent if each.client == "psycopg" for words in each.commands
        )
        self.database: Any = next(
            filter(None, map(beside_postgres, [s.link for s in wire.sent if s.client == "psycopg"])), None
        )

    def holding(self, word: str, neighbours: list[str]) -> list[Record]:
        """Those that hold the word, and no neighbour's.

        Raises NotApplicable if there are none, or if each holds a neighbour's word as well: it is then more than one
        message.
        """
        found = [each for each in self._records(word) if each.holds(word)]
        alone = [each for each in found if not any(map(each.holds, neighbours))]
        if not alone:
            places = ", ".join(sorted({each.where for each in found}))
            raise NotApplicable(f"a message is not one record of its own: {places}" if found else NOT_REACHED)
        return alone

    def _records(self, word: str) -> Iterator[Record]:
        for file in sorted(Path(self.folder).rglob("*")) if self.folder else ():
            if file.is_file() and file.open("rb").read(len(_HEADER)) == _HEADER:
                yield from cells_of(str(file), word)
        for key in self.named:
            with contextlib.suppress(Exception):  # a word that names no key, or one of another node
                yield from values_of(self.keys, key)
        if self.database is not None:
            yield from rows_of(self.database, self.statements, word)

    def close(self) -> None:
        self.keys.close()
        if self.database is not None:
            self.database.close()

def cells_of(file: str, word: str) -> Iterator[Record]:
    """Of the tables of an SQLite file, those with the word."""
    with closing(sqlite3.connect(file, timeout=5)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            for _, column, *_ in _execute(database, "PRAGMA table_info({})", table):
                having = "SELECT {} FROM {} WHERE instr(CAST({} AS TEXT), ?)"
                for (cell,) in _execute(database, having, column, table, column, given=(word,)):
                    if isinstance(cell, (str, bytes)):
                        yield Record(f"{table}.{column}", cell, _Cell(file, table, column, cell))

class _Cell:
    """Writes a cell of an SQLite file; it is known by what it holds."""

    def __init__(self, file: str, table: str, column: str, held: Any) -> None:
        self.file = file
        self.names = (table, column, column)
        self.held = held

    def __call__(self, value: Any) -> None:
        with closing(sqlite3.connect(self.file, timeout=5, isolation_level=None)) as database:
            _execute(database, "UPDATE {} SET {} = ? WHERE {} = ?", *self.names, given=(value, self.held))
        self.held = value

def _execute(database: sqlite3.Connection, form: str, *names: str, given: tuple[Any, ...] = ()) -> list[Any]:
    """With names of tables and columns put in, quoted as SQL wants it."""
    return database.execute(form.format(*map(_quoted, names)), given).fetchall()

def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

def values_of(keys: Keys, key: Key) -> Iterator[Record]:
    """What a Redis key holds. Raises what the server does."""
    kind = keys.on(key, "TYPE")
    match kind.decode() if isinstance(kind, bytes) else kind:
        case "string" if keys.on(key, "STRLEN") <= MOST_BYTES:
            yield Record("a string", keys.on(key, "GET"), lambda value: keys.on(key, "SET", value, "KEEPTTL"))
        case "list":
            for n, each in enumerate(keys.on(key, "LRANGE", 0, MOST_ELEMENTS - 1)):
                yield Record("an element of a list", each, partial(keys.on, key, "LSET", n))
        case "hash" if keys.on(key, "HLEN") <= MOST_ELEMENTS:
            for field, each in keys.on(key, "HGETALL").items():
                name = field.decode(errors="replace")
                yield Record(f"{name} of a hash", each, partial(keys.on, key, "HSET", field))
        case "ReJSON-RL":
            for name, each in json.loads(keys.on(key, "JSON.GET")).items():
                yield Record(
                    f"{name} of a JSON document", json.dumps(each, ensure_ascii=False), _Member(keys, key, name)
                )

class _Member:
    """Writes a member of a JSON document; where that is no JSON, as a string of it."""

    def __init__(self, keys: Keys, key: Key, name: str) -> None:
        self.keys = keys
        self.key = key
        self.path = f"$[{json.dumps(name)}]"

    def __call__(self, value: str) -> None:
        self.keys.on(self.key, "JSON.SET", self.path, as_json(value))

def as_json(text: str) -> str:
    """The same if it is JSON, else a string of it."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text

def beside_postgres(link: Any) -> Any:
    """A connection of our own to the database of one that is open; None if it is not."""
    psycopg = sys.modules["psycopg"]
    try:
        given = {**link.info.get_parameters(), "password": link.info.password, "options": "-c statement_timeout=5s"}
        return psycopg.connect(**given, autocommit=True)
    except psycopg.Error:
        return None

_COLUMNS = (
    "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns WHERE data_type IN "
    "('text', 'character varying', 'json', 'jsonb', 'bytea') "
    "AND table_schema NOT IN ('pg_catalog', 'information_schema')"
)

_HELD = "SELECT DISTINCT {column}{text} FROM {table} WHERE position(%s in {column}{text}) > 0 LIMIT %s"

_WRITTEN = "UPDATE {table} SET {column} = %s{cast} WHERE {column}{text} = %s RETURNING {column}{text}"

def rows_of(database: Any, statements: bytes, word: str) -> Iterator[Record]:
    """Of the PostgreSQL tables that the statements name, the cells with the word."""
    sql = sys.modules["psycopg"].sql
    for schema, table, column, kind in database.execute(_COLUMNS).fetchall():
        if table.replace('"', '""').encode() in statements:
            binary = kind == "bytea"
            named = {
                "table": sql.Identifier(schema, table),
                "column": sql.Identifier(column),
                "text": sql.SQL("" if binary else "::text"),
                "cast": sql.SQL(f"::{kind}"),
            }
            wanted = (word.encode() if binary else word, MOST_ELEMENTS)
            written = sql.SQL(_WRITTEN).format(**named)
            for (cell,) in database.execute(sql.SQL(_HELD).format(**named), wanted).fetchall():
                yield Record(f"{table}.{column}", cell, _Row(database, written, cell, is_json="json" in kind))

class _Row:
    """Writes a cell of a PostgreSQL table, which is known by what it holds; where that has to be JSON and is none, as a
    string of it.
    """

    def __init__(self, database: Any, written: Any, held: Any, *, is_json: bool) -> None:
        self.database = database
        self.written = written
        self.held = held
        self.is_json = is_json

    def __call__(self, value: Any) -> None:
        given = (as_json(value) if self.is_json else value, self.held)
        self.held = self.database.execute(self.written, given).fetchone()[0]

class AgnoDb(Subject):
    interface = "Agno database of sessions"
    able = frozenset({"read", "clear", "list", "owner", "turn", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "append": "a session keeps the runs of an agent, and is written whole",
            "messages": "a session keeps the runs of an agent, whose messages the agent makes",
            "search": "what is in a session is not searched",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(
            kind.__module__ == "agno.db.base" and kind.__name__ in ("BaseDb", "AsyncBaseDb")
            for kind in type(made).__mro__
        )

    async def _call(self, name: str, **named: Any) -> Any:
        from agno.db.base import SessionType

        if name.startswith("get"):
            named["session_type"] = SessionType.AGENT
        found = getattr(self.made, name)(**named)
        if not inspect.isawaitable(found):
            return found
        if self.lane == "sync":
            found.close()  # type: ignore[attr-defined]  # a coroutine
            raise TypeError("this database has no blocking calls")
        return await found

    def _named(self, at: Address) -> dict[str, str]:
        return {"session_id": at.session, "user_id": at.owner or "somebody"}

    async def read(self, at: Address) -> list[Said]:
        found = await self._call("get_session", **self._named(at))
        return [(each.role, str(each.content)) for each in found.get_chat_history()] if found else []

    async def append(self, at: Address, *said: Said) -> None:
        """By runs whose model gives the answer that is told."""
        for (_, question), (_, answer) in zip(said[::2], said[1::2], strict=True):

            async def tells(_: str, __: list[Said], answer: str = answer) -> str:
                return answer

            await self.turn(at, question, tells)

    async def clear(self, at: Address) -> None:
        await self._call("delete_session", **self._named(at))

    async def listed(self, owner: str) -> list[str]:
        return sorted(each.session_id for each in await self._call("get_sessions", user_id=owner or "somebody"))

    async def turn(self, at: Address, text: str, think: Think) -> str:
        from agno.agent import Agent
        from agno.models.base import Model
        from agno.models.response import ModelResponse
        from agno.run.base import RunStatus

        async def answered(messages: list[Any]) -> Any:
            *before, question = [(each.role, str(each.content)) for each in messages if each.role != "system"]
            return ModelResponse(role="assistant", content=await think(question[1], before))

        class Thinking(Model):  # type: ignore[misc]  # Any, where it is not installed
            def invoke(self, messages: list[Any], *_: Any, **__: Any) -> Any:
                return run_now(answered(messages))

            async def ainvoke(self, messages: list[Any], *_: Any, **__: Any) -> Any:
                return await answered(messages)

            def invoke_stream(self, *_: Any, **__: Any) -> Any:
                raise TypeError("it does not stream")

            ainvoke_stream = _parse_provider_response = _parse_provider_response_delta = invoke_stream

        agent = Agent(
            id="audited",
            model=Thinking(id="thinking"),
            db=self.made,
            add_history_to_context=True,
            num_history_runs=1_000_000,
            telemetry=False,
        )
        done = agent.run(text, **self._named(at)) if self.lane == "sync" else await agent.arun(text, **self._named(at))
        if done.status != RunStatus.completed:  # what went wrong is told as the answer
            raise RuntimeError(f"the run ended as {done.status}: {done.content}")
        return str(done.content)

def sqlite(folder: str) -> Any:
    from agno.db.sqlite import SqliteDb

    return SqliteDb(db_file=f"{folder}/sessions.db")
