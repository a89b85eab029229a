"""A writer that is killed leaves a whole turn or nothing of it.

What was seen: A writer was killed before command 4 of its turn (BEGIN): the conversation holds user: an earlier question; assistant: its answer; user: the question of the killed. Expected: user: an earlier question; assistant: its answer; with that turn or without it.
Why it matters: Deployments, crashes and the kernel's out-of-memory killer end a process at any line.

pip install pytest SQLAlchemy==2.1.9 mem0ai==2.2.1
pytest THIS_FILE
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import inspect
import json
import os
import pathlib
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from typing import TypeVar

def test_lasting_killed_writer() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Target(local, [Mem0Memory])
        asyncio.run(killed_writer(Trial(target, "sync", folder, run="r1", budget=60)))

MOST_KILLS = 60

async def outlives(trial: Trial) -> str:
    """What is lost when the store is opened again, as a sentence; empty if nothing is.

    Raises NotApplicable if the store keeps nothing outside its process, as far as can be seen.
    """
    at = trial.at("looked-for")
    async with watched(trial) as (store, wire):
        store.needs("read", "process")
        said = await store.say("somebody", at, "is it kept")
        store.used.clear()  # it has to be there when the store is opened again
        outside = wire.outside
    if not outside:
        raise NotApplicable("it keeps conversations in its process's memory: nothing is sent, and no file is written")
    async with trial.store() as again:
        again.used.add(at)
        if await again.read("somebody", at) == said:
            return ""
        return f"{short(said)} was acknowledged, and is gone when the store is opened again."

async def killed_writer(trial: Trial) -> None:
    if lost := await outlives(trial):
        raise NotApplicable(lost)
    before: list[Said] = [("user", "an earlier question"), ("assistant", "its answer")]
    pair: list[Said] = [("user", "the question of the killed"), ("assistant", "the answer to the killed")]
    kind, points = await points_of(trial, before, pair)
    tried = points[:: max(1, -(-len(points) // MOST_KILLS))]
    ats = {n: trial.at(f"killed-{n:06}") for n, _ in tried}  # none begins another: that is another check's
    async with trial.store() as store:
        for at in ats.values():
            await store.subject.append(at, *before)
    killed: list[Point] = []
    until = trial.until()
    for n, what in tried:
        if killed and time.monotonic() > until:
            break
        came = await in_child(lambda n=n: writes_until(trial, kind, ats[n], pair, n))  # type: ignore[misc]  # this n
        if came.error:
            raise CannotTell(f"A child process could not write to the store: {came.error}.")
        killed.append((n, what))
    async with trial.store() as store:
        store.used.update(ats.values())
        for n, what in killed:
            where = f"A writer was killed before {kind} {n} of its turn ({what})"
            try:
                found = await store.read("a reader", ats[n])
            except Exception as exc:
                error = f"{type(exc).__name__}: {str(exc)[:200]}"
                raise Wrong(f"{where}: the conversation cannot be read any more: {error}") from exc
            if found not in (before, [*before, *pair], [*before, *pair[: store.subject.one_by_one]]):
                raise Wrong(
                    f"{where}: the conversation holds {short(found)}. Expected: {short(before)}; with that turn or "
                    f"without it."
                )
        if store.subject.one_by_one:
            trial.notes.append("a call keeps one message, so a question may be there without its answer")
    trial.notes.append(f"{trial.lane}: a writer was killed before {len(killed)} of {len(points)} {kind}s of its turn")

Point = tuple[int, str]

async def points_of(trial: Trial, before: list[Said], pair: list[Said]) -> tuple[str, list[Point]]:
    """Where adding a turn can be cut: before which commands, or where none are seen before which lines.

    Of the lines those before which something in the store's folder has changed; if nothing changes there, all.
    """
    for kind in ("command", "line"):
        at = trial.at(f"counted-by-{kind}")

        async with trial.store() as store:
            await store.subject.append(at, *before)
        child = await in_child(lambda kind=kind, at=at: writes_until(trial, kind, at, pair, 0))  # type: ignore[misc]
        async with trial.store() as store:
            store.used.add(at)  # and deleted
        if child.error:
            raise CannotTell(f"A child process could not write to the store: {child.error}.")
        points = [(n, what) for n, what, _ in child.value]
        if points:
            return kind, [(n, what) for n, what, changed in child.value if changed] or points
    raise CannotTell("Nothing shows at which a writer could be killed: neither commands nor lines of its code.")

async def writes_until(trial: Trial, kind: str, at: Address, pair: list[Said], n: int) -> list[tuple[int, str, bool]]:
    """Add a turn, and die before its n-th point; with 0 give the points. To be run in a child."""
    points: list[tuple[int, str, bool]] = []
    last = looks_of(trial.folder)

    def passes(what: str) -> None:
        nonlocal last
        found = looks_of(trial.folder) if kind == "line" and not n else {}
        points.append((len(points) + 1, what, kind == "command" or found != last))
        last = found
        if len(points) == n:
            die()

    tracing = Traced(lambda frame: passes(place_of(frame)))
    if kind == "line":
        sys.settrace(tracing.entered)
        threading.settrace(tracing.entered)
    async with watched(trial) as (store, wire):
        await store.read("the writer", at)
        last = looks_of(trial.folder)
        if kind == "line":
            tracing.folders = (*folders_of(store.subject.audited()), *WRITERS)
        else:
            wire.before = lambda sent: passes(sent.what)
        await store.subject.append(at, *pair)
        tracing.folders = ()
        wire.before = lambda _: None
        if n:
            die()
        store.used.clear()
        return points

MOST_FILES = 200

def looks_of(folder: str) -> dict[str, tuple[int, int, int]]:
    """File -> inode, size and time of its last change: what tells that something was written."""
    found: dict[str, tuple[int, int, int]] = {}
    for root, _, names in os.walk(folder):
        for name in names[: MOST_FILES - len(found)]:
            with contextlib.suppress(OSError):  # gone meanwhile
                seen = os.stat(path := os.path.join(root, name))  # noqa: PTH116, PTH118  # for each line: pathlib is slow
                found[path] = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    return found

WRITERS = tuple(str(inspect.getsourcefile(each)) for each in (pathlib, shutil, tempfile))

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

class Traced:
    """Calls `passes` with the frame before each line in these folders, in a thread that is traced by `entered`."""

    def __init__(self, passes: Callable[[Any], None], folders: tuple[str, ...] = ()) -> None:
        self.passes = passes
        self.folders = folders
        """Empty: nothing is looked at."""

    def entered(self, frame: Any, _event: str, _arg: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self.folders) else None

    def _line(self, frame: Any, event: str, _arg: Any) -> Any:
        if event == "line" and self.folders:
            self.passes(frame)
        return self._line

def place_of(frame: Any) -> str:
    """The file and the line that it is at."""
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"

def folders_of(objects: list[Any]) -> tuple[str, ...]:
    """The folders that the code of these objects' classes is in, those of the standard library left out."""
    found: set[str] = set()
    for each in objects:
        if inspect.isroutine(each):  # a file alone: beside it may lie anything
            found.update(filter(None, [getattr(sys.modules.get(each.__module__), "__file__", None)]))
            continue
        for kind in type(each).__mro__:
            file = getattr(sys.modules.get(kind.__module__), "__file__", None)
            if file and kind.__module__.partition(".")[0] not in sys.stdlib_module_names:
                found.add(str(Path(file).parent) if Path(file).parent.name != "site-packages" else file)
    return tuple(sorted(found))

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

PATIENT = 10.0

@dataclass(frozen=True)
class Child:
    """How it ended: what it gave, the error that it raised, or neither if it was killed."""

    value: Any = None
    error: str = ""
    killed: bool = False

async def in_child(work: Callable[[], Coroutine[Any, Any, Any]]) -> Child:
    """Run it in a forked process. What it gives has to be JSON's. Raises NotApplicable where nothing can be forked."""
    if not hasattr(os, "fork"):
        raise NotApplicable("this system forks no processes")
    return await asyncio.to_thread(_forked, work)

def die() -> None:
    """As by kill -9: nothing is closed, nothing is written any more."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(PATIENT)  # the signal is there before this thread goes on, or nearly

def _forked(work: Callable[[], Coroutine[Any, Any, Any]]) -> Child:
    receive, send = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads: the child uses nothing of theirs
        child = os.fork()
    if not child:
        os.close(receive)
        _run(work, send)
    os.close(send)
    said = _heard(receive, child)
    os.close(receive)
    _, status = os.waitpid(child, 0)
    if said:
        return Child(**json.loads(said))
    return Child(killed=os.WIFSIGNALED(status), error="" if os.WIFSIGNALED(status) else f"it exited with {status}")

def _run(work: Callable[[], Coroutine[Any, Any, Any]], send: int) -> None:
    said: dict[str, Any]
    try:
        said = {"value": asyncio.run(work())}
    except BaseException as exc:  # whatever it is: this process must not go on as a second auditor
        said = {"error": f"{type(exc).__name__}: {str(exc)[:300]}"}
    try:
        with contextlib.suppress(OSError), open(send, "wb") as pipe:
            pipe.write(json.dumps(said).encode())
    finally:
        os._exit(0)

def _heard(receive: int, child: int) -> bytes:
    """All that it writes until it ends; it is killed if it takes too long."""
    said, until = b"", time.monotonic() + PATIENT
    while True:
        ready, _, _ = select.select([receive], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            os.kill(child, signal.SIGKILL)
            return json.dumps({"error": f"it took longer than {PATIENT:g} s"}).encode()
        part = os.read(receive, 65536)
        if not part:
            return said
        said += part

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

MOST_MEMORIES = 100_000

class Mem0Memory(Subject):
    interface = "Mem0 Memory"
    able = frozenset({"read", "append", "clear", "search", "owner", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "list": "runs are not listed",
            "turn": "what a turn recalls and keeps is the application's",
            "messages": "a memory is a text",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "MemoryBase" and kind.__module__.startswith("mem0.") for kind in type(made).__mro__)

    async def probe(self) -> None:
        if inspect.iscoroutinefunction(self.made.add) != (self.lane == "async"):
            raise TypeError(f"this memory has no {self.lane} calls")
        await super().probe()

    async def _call(self, name: str, *given: Any, **named: Any) -> Any:
        found = getattr(self.made, name)(*given, **named)
        return await found if self.lane == "async" else found

    def _named(self, at: Address) -> dict[str, str]:
        return {"user_id": at.owner or "somebody", "run_id": at.session}

    async def read(self, at: Address) -> list[Said]:
        found = await self._call("get_all", filters=self._named(at), top_k=MOST_MEMORIES)
        return _remembered(found)

    async def append(self, at: Address, *said: Said) -> None:
        told = [{"role": role, "content": text} for role, text in said]
        await self._call("add", told, **self._named(at), infer=False)

    async def clear(self, at: Address) -> None:
        await self._call("delete_all", **self._named(at))

    async def search(self, at: Address, word: str, field: str = "") -> list[Said]:
        having = {**self._named(at), **({field: word} if field else {})}
        found = await self._call("search", word, filters=having, top_k=MOST_MEMORIES, threshold=0.0)
        return _remembered(found)

def _remembered(found: Any) -> list[Said]:
    inorder = sorted(found["results"], key=lambda each: each["created_at"])
    return [(each.get("role", "?"), each["memory"]) for each in inorder]

class HashEmbedding:
    """Equal texts are near, and no others."""

    def embed(self, text: str, *_: Any) -> list[float]:
        return [byte / 255 - 0.5 for byte in hashlib.sha256(text.encode()).digest()]

def local(folder: str) -> Any:
    return _local("Memory", folder)

@contextlib.contextmanager
def _local(kind: str, folder: str) -> Iterator[Any]:
    os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": folder}
    import mem0

    vectors = {"path": f"{folder}/vectors", "on_disk": True, "embedding_model_dims": 32}
    unused = {"provider": "openai", "config": {"api_key": "no model is asked"}}
    memory: Any = getattr(mem0, kind).from_config(
        {
            "vector_store": {"provider": "qdrant", "config": vectors},
            "llm": unused,
            "embedder": unused,
            "history_db_path": f"{folder}/history.db",
        }
    )
    memory.embedding_model = HashEmbedding()
    try:
        yield memory
    finally:
        memory.close()
        memory.vector_store.client.close()  # else the folder stays locked
