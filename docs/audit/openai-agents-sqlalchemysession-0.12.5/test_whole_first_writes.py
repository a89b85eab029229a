"""First writes that come at once into a fresh store are all kept.

What was seen: While alice's first write was held at await 3, bob's came: 1 of 2 was refused, and none where something was stored before: OperationalError: (sqlite3.OperationalError) table agent_sessions already exists [SQL: CREATE TABLE agent_sessions ( session_id VARCHAR NO
Why it matters: Each finds no table, and makes it. https://github.com/openai/openai-agents-python/issues/2722

pip install pytest SQLAlchemy==2.1.9 openai==2.26.0 openai-agents==0.12.5
pytest THIS_FILE
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Generator
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier
from typing import Any
from typing import TypeVar

def test_whole_first_writes() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Target(sqlalchemy, [AgentsSession])
        asyncio.run(first_writes(Trial(target, "async", folder, run="r1", budget=60)))

AT_ONCE = 20

ROUNDS_OF_FIRST = 3

HELD_AT_MOST = 30

def first_of(who: str) -> list[Said]:
    return [("user", f"first of {who}"), ("assistant", f"reply to first of {who}")]

def at_of(store: Store, who: str) -> Address:
    """Another one in each store: a factory may take no folder, and give the same store each time."""
    return store.trial.at(f"{who}-{store.number}")

async def begins(store: Store, who: str) -> None:
    await store.say(who, at_of(store, who), f"first of {who}")

@contextlib.asynccontextmanager
async def unused(trial: Trial, *, warm: bool) -> AsyncIterator[Store]:
    """A store of its own; warm: something is stored in it."""
    with trial.fresh_folder() as folder:
        async with trial.store(folder) as store:
            if warm:
                await begins(store, "somebody")
            yield store

async def refused_of(store: Store, where: str, came: dict[str, Any]) -> list[str]:
    """Whose write was refused, and how. Raises Wrong if one that was acknowledged is not there."""
    for who, result in came.items():
        if isinstance(result, Exception):
            continue
        found = await store.read(who, at_of(store, who))
        if found != first_of(who):
            kept = [await store.read(each, at_of(store, each)) == first_of(each) for each in came]
            raise Wrong(
                f"{where}, {who}'s first write was acknowledged and reads {short(found)}. "
                f"Kept: {kept.count(True)} of {len(came)}."
            )
    return [
        f"{type(each).__name__}: {' '.join(str(each).split())[:120]}"
        for each in came.values()
        if isinstance(each, Exception)
    ]

async def first_writes(trial: Trial) -> None:
    async with unused(trial, warm=True) as store:
        store.needs("read")
    await held_first(trial)
    first = await at_once_in(trial, warm=False)
    if not first:
        return
    rounds = [len(first)]
    for _ in range(ROUNDS_OF_FIRST - 1):
        rounds.append(len(await at_once_in(trial, warm=False)))
    later = [len(await at_once_in(trial, warm=True)) for _ in range(ROUNDS_OF_FIRST)]
    if all(rounds) and not any(later):
        raise Wrong(
            f"Of {AT_ONCE} first writes at once {', '.join(map(str, rounds))} were refused, and none where something "
            f"was stored before: {first[0]}"
        )
    trial.notes.append(f"{trial.lane}: of {AT_ONCE} at once {rounds} were refused, and {later} in a store in use")

async def held_first(trial: Trial) -> None:
    """One first write held at each place, while another one comes."""
    async with unused(trial, warm=True) as store:
        await store.read("the auditor", trial.at("somebody"))
        holding = Holding(store)
    async with unused(trial, warm=False) as store:
        total = await holding.places(lambda: begins(store, "alice"))
    places = Places(total, trial.until(1 / 4), HELD_AT_MOST)
    for n in places:
        seen, refused = await one_held(trial, holding, n, warm=False)
        places.waited = seen.waited
        if refused and not (await one_held(trial, holding, n, warm=True))[1]:
            again = (await one_held(trial, holding, n, warm=False))[1]
            if again:
                raise Wrong(
                    f"While alice's first write was held at {seen.where}, bob's came: {len(refused)} of 2 was refused, "
                    f"and none where something was stored before: {refused[0]}"
                )
    trial.notes.append(f"{trial.lane}: a first write was held at {places.tried} of its {total} {holding.kind}")

async def one_held(trial: Trial, holding: Holding, n: int, *, warm: bool) -> tuple[Overlap, list[str]]:
    async with unused(trial, warm=warm) as store:
        seen = await holding.overlap(lambda: begins(store, "alice"), lambda: begins(store, "bob"), n)
        where = f"While alice was held at {seen.where}"
        return seen, await refused_of(store, where, {"alice": seen.first, "bob": seen.second})

async def at_once_in(trial: Trial, *, warm: bool) -> list[str]:
    """Many first writes at once. Those that were refused."""
    async with unused(trial, warm=warm) as store:
        names = [f"user-{n:02}" for n in range(1, AT_ONCE + 1)]  # none begins another: that is another check's
        if trial.lane == "async":
            results = await asyncio.gather(*(outcome(begins(store, who)) for who in names))
        else:
            barrier = Barrier(AT_ONCE)

            def writes(who: str) -> Any:
                barrier.wait()
                try:
                    return run_now(begins(store, who))
                except Exception as exc:
                    return exc

            with ThreadPoolExecutor(AT_ONCE) as pool:
                results = await asyncio.to_thread(lambda: list(pool.map(writes, names)))
        return await refused_of(store, f"Of {AT_ONCE} at once", dict(zip(names, results, strict=True)))

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

PATIENCE = 0.25

SLOWER = 5

Work = Coroutine[Any, Any, Any]

@dataclass
class Overlap:
    """Two calls that overlapped. Their results, or what they raised."""

    first: Any
    second: Any
    where: str
    """Where the first was held."""
    waited: bool
    """Whether the second waited until the first was done: they exclude each other there."""

class Driven:
    """A coroutine that is driven one await at a time, so that something can be done at each of them."""

    def __init__(self, work: Work, at: int) -> None:
        self.work = work
        self.at = at
        """The await at which it is done; 0: at none."""
        self.awaits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        thrown: BaseException | None = None
        while True:
            try:
                pending = self.work.send(None) if thrown is None else self.work.throw(thrown)
            except StopIteration as done:
                return done.value
            thrown = None
            self.awaits += 1
            try:
                yield from self.waits(pending)
            except BaseException as exc:  # a cancelled task: the coroutine is told, as it would be
                thrown = exc

    def waits(self, pending: Any) -> Generator[Any, Any, Any]:
        """What comes between its asking for `pending` (None: for its next turn) and its going on."""
        yield pending

    async def run(self) -> Any:
        return await self

class Held(Driven):
    """A coroutine that stops before it goes on from its n-th await, until `release` is set."""

    def __init__(self, work: Work, at: int) -> None:
        super().__init__(work, at)
        self.reached = asyncio.Event()
        self.release = asyncio.Event()

    def waits(self, pending: Any) -> Generator[Any, Any, Any]:
        yield pending
        if self.awaits == self.at:
            self.reached.set()
            yield from self.release.wait().__await__()

async def outcome(work: Coroutine[Any, Any, Any]) -> Any:
    """What it returns or raises."""
    try:
        return await work
    except Exception as exc:
        return exc

async def count_awaits(work: Coroutine[Any, Any, Any]) -> tuple[int, Any]:
    """How often it gives the loop back, and its result or what it raised."""
    driven = Driven(work, 0)
    result = await outcome(driven.run())
    return driven.awaits, result

async def overlap_at(first: Work, second: Callable[[], Work], at: int, patience: float = PATIENCE) -> Overlap:
    """Hold the first at its await `at`, run the second, let the first go."""
    held = Held(first, at)
    one = asyncio.ensure_future(outcome(held.run()))
    arrived = asyncio.ensure_future(held.reached.wait())
    await asyncio.wait({one, arrived}, return_when=asyncio.FIRST_COMPLETED)
    arrived.cancel()
    other = asyncio.ensure_future(outcome(second()))
    done, _ = await asyncio.wait({other}, timeout=patience)
    held.release.set()
    await asyncio.wait({one, other})
    return Overlap(one.result(), other.result(), f"await {at}", waited=not done)

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

class Stepped(threading.Thread):
    """A call in a thread of its own, held before its n-th line in these folders until `release` is set; 0: never."""

    def __init__(self, call: Callable[[], Any], folders: tuple[str, ...], at: int) -> None:
        super().__init__(daemon=True)
        self.call = call
        self.traced = Traced(self._passes, folders)
        self.at = at
        self.lines = 0
        self.where = ""
        self.result: Any = None
        self.reached = threading.Event()
        """Set when it is held, and when it is done."""
        self.release = threading.Event()

    def run(self) -> None:
        sys.settrace(self.traced.entered)
        try:
            self.result = self.call()
        except Exception as exc:
            self.result = exc
        finally:
            sys.settrace(None)
            self.reached.set()

    def _passes(self, frame: Any) -> None:
        self.lines += 1
        if self.lines == self.at:
            self.where = f"{place_of(frame)} ({frame.f_code.co_name})"
            self.reached.set()
            self.release.wait()

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

async def count_lines(call: Callable[[], Any], folders: tuple[str, ...]) -> tuple[int, Any]:
    """How many lines it runs there, and its result or what it raised."""
    thread = Stepped(call, folders, 0)
    thread.start()
    await asyncio.to_thread(thread.join)
    return thread.lines, thread.result

async def overlap_at_line(
    first: Callable[[], Any],
    second: Callable[[], Any],
    folders: tuple[str, ...],
    at: int,
    patience: float = PATIENCE,
) -> Overlap:
    """Hold the first before its line `at`, run the second in another thread, let the first go."""
    return await asyncio.to_thread(_overlapped, Stepped(first, folders, at), Stepped(second, (), 0), patience)

def _overlapped(one: Stepped, other: Stepped, patience: float) -> Overlap:
    one.start()
    one.reached.wait()
    other.start()
    other.join(patience)
    waited = other.is_alive()
    one.release.set()
    one.join()
    other.join()
    return Overlap(one.result, other.result, one.where, waited)

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

MOST_POINTS = 400

@dataclass
class Places:
    """Which of so many places a call is held at: in order, until that time (monotonic) has come; one at least."""

    total: int
    until: float
    most: int = MOST_POINTS
    """Of more, this many spread over all."""
    waited: bool = False
    """To be set when the second call had to wait at the last one: nothing comes between there, and the rest of such
    a stretch is met in growing steps."""
    tried: int = 0

    def __iter__(self) -> Iterator[int]:
        n, step = 1, (usual := max(1, -(-self.total // self.most)))
        while n <= self.total and (not self.tried or time.monotonic() < self.until):
            self.tried, self.waited = self.tried + 1, False
            yield n
            step = min(2 * step, 64) if self.waited else usual
            n += step

class Holding:
    """How a call is held in this store's lane: at its awaits, or in `sync` at the lines of the audited package."""

    def __init__(self, store: Store) -> None:
        self.awaits = store.trial.lane == "async"
        self.kind = "awaits" if self.awaits else "lines"
        self.folders = folders_of(store.subject.audited())
        self.patience = PATIENCE

    async def places(self, call: Callable[[], Work]) -> int:
        """At how many it can be held. It is run as a whole."""
        began = time.monotonic()
        if self.awaits:
            found, _ = await count_awaits(call())
        else:
            found, _ = await count_lines(lambda: run_now(call()), self.folders)
        self.patience = max(PATIENCE, SLOWER * (time.monotonic() - began))
        return found

    async def overlap(self, first: Callable[[], Work], second: Callable[[], Work], at: int) -> Overlap:
        if self.awaits:
            return await overlap_at(first(), second, at, self.patience)
        return await overlap_at_line(
            lambda: run_now(first()), lambda: run_now(second()), self.folders, at, self.patience
        )

_METHODS = ("get_items", "add_items", "pop_item", "clear_session")

class AgentsSession(Subject):
    interface = "OpenAI Agents SDK Session"
    possible = ("async",)
    each_session = True
    able = frozenset({"read", "append", "clear", "turn", "messages", "process"})

    def __init__(self, made: Callable[[str], Any], lane: str) -> None:
        super().__init__(made, lane)
        self.used: dict[str, Any] = {}
        self.lacks = {
            "owner": "a session has an id, and no owner",
            "list": "a session object knows itself alone",
            "search": "a session object has no search",
        }
        if find_spec("agents") is None:
            self.able -= {"turn"}
            self.lacks["turn"] = "the package openai-agents, which runs turns, is not installed"

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return all(callable(getattr(made, name, None)) for name in _METHODS)

    def _session(self, at: Address) -> Any:
        self.used[at.session] = self.made(at.session)
        return self.used[at.session]

    def audited(self) -> list[Any]:
        return list(self.used.values())

    async def read(self, at: Address) -> list[Said]:
        return [item_said(each) for each in await self._session(at).get_items()]

    async def append(self, at: Address, *said: Said) -> None:
        await self._session(at).add_items([{"role": role, "content": text} for role, text in said])

    async def clear(self, at: Address) -> None:
        await self._session(at).clear_session()

    async def turn(self, at: Address, text: str, think: Think) -> str:
        import agents
        from agents.models.interface import Model
        from openai.types.responses import ResponseOutputMessage, ResponseOutputText

        class Thinking(Model):  # type: ignore[misc]  # Any, where it is not installed
            async def get_response(self, *given: Any, **named: Any) -> Any:
                items = named["input"] if "input" in named else given[1]
                *before, question = [("user", items)] if isinstance(items, str) else [item_said(each) for each in items]
                said = ResponseOutputText(text=await think(question[1], before), type="output_text", annotations=[])
                message = ResponseOutputMessage(
                    id="m", content=[said], role="assistant", status="completed", type="message"
                )
                return agents.ModelResponse(output=[message], usage=agents.Usage(), response_id=None)

            def stream_response(self, *given: Any, **named: Any) -> Any:
                raise NotImplementedError

        agents.set_tracing_disabled(True)
        agent = agents.Agent(name="audited", model=Thinking())
        done = await agents.Runner.run(agent, text, session=self._session(at))
        return str(done.final_output)

    def samples(self) -> list[Any]:
        return [
            {"role": "user", "content": "Ünïcode 🙂\n\ttab"},
            {"role": "user", "content": [{"type": "input_text", "text": "a part"}]},
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": '{"id": 7}'},
            {"type": "function_call_output", "call_id": "c1", "output": '{"found": [7, null]}'},
            {"type": "reasoning", "id": "r1", "summary": []},
            {"role": "assistant", "content": ""},
        ]

    async def keep(self, at: Address, messages: list[Any]) -> None:
        await self._session(at).add_items(messages)

    async def kept(self, at: Address) -> list[Any]:
        return list(await self._session(at).get_items())

def item_said(item: Any) -> Said:
    content = item.get("content", item.get("output", ""))
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return item.get("role", item.get("type", "?")), content

def sqlalchemy(folder: str) -> Any:
    return sqlalchemy_on(f"sqlite+aiosqlite:///{folder}/sessions.db")

@contextlib.asynccontextmanager
async def sqlalchemy_on(url: str) -> AsyncIterator[Callable[[str], Any]]:
    from agents.extensions.memory import SQLAlchemySession
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)

    def session(session_id: str) -> Any:
        return SQLAlchemySession(session_id, engine=engine, create_tables=True)

    try:
        yield session
    finally:
        await engine.dispose()
