"""A question and its answer stay together when turns overlap.

What was seen: The conversation is torn: user, user, assistant, assistant. Stored: user: question of the first tab; user: question of the second tab; assistant: answer to question of the second tab; assistant: answer to question of the first tab.
Why it matters: A double click, a second tab or a retry runs two turns of one conversation at the same time.

pip install pytest llama-index-core==0.14.25 llama-index-storage-chat-store-redis==0.8.0
pytest THIS_FILE
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TypeVar

def test_whole_pairs() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Target(redis, [LlamaIndexChatStore])
        asyncio.run(pairs(Trial(target, "async", folder, run="r1", budget=60)))

@dataclass
class Turns:
    """What came of two turns: texts whose answers were given, and what is stored then."""

    acknowledged: list[str]
    stored: list[Said]

class HeldModel:
    """A model that has read its prompt and does not answer until `release` is set."""

    def __init__(self, store: Store) -> None:
        self.blocks = store.trial.lane == "sync"
        self.asking = threading.Event()
        self.release = threading.Event()

    async def __call__(self, text: str, before: list[Said]) -> str:
        self.asking.set()
        if self.blocks:
            self.release.wait()
        else:
            while not self.release.is_set():
                await asyncio.sleep(0.001)
        return await answered(text, before)

    async def is_asked(self, turn: asyncio.Future[Any], patience: float = math.inf) -> bool:
        """Wait until it is, or its turn is over. Whether one of them came in time."""
        until = time.monotonic() + patience
        while not (asked := self.asking.is_set() or turn.done()) and time.monotonic() < until:
            await asyncio.sleep(0.001)
        return asked

async def question_kept(store: Store, at: Address, text: str, patience: float) -> None:
    """Wait until the question of a turn that is held can be read, if it is kept before the answer: some keep it in the
    background, and what a second turn finds must not depend on who is faster."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        read = asyncio.ensure_future(outcome(store.trial.apart(store.subject.read(at))))
        await asyncio.wait({read}, timeout=patience)  # a store may keep readers out, too
        if not read.done() or (isinstance(read.result(), list) and ("user", text) in read.result()):
            return
        await asyncio.sleep(0.01)

async def overlapping(store: Store, at: Address, *, first_ends_first: bool) -> Turns:
    """One turn whose model is held, and another that begins meanwhile and ends before it, or after it."""
    trial = store.trial

    def started(who: str, think: Think, where: Address = at) -> asyncio.Future[Any]:
        return asyncio.ensure_future(outcome(trial.apart(store.turn(who, where, f"question of {who}", think))))

    began = time.monotonic()
    steps = len(trial.steps)
    await started("somebody", answered, trial.at("before"))
    del trial.steps[steps:]  # it only says how long a turn takes
    patience = max(8 * PATIENCE, SLOWER * (time.monotonic() - began))
    one, other = HeldModel(store), HeldModel(store)
    first = started("the first tab", one)
    await one.is_asked(first)
    await question_kept(store, at, "question of the first tab", PATIENCE)
    second = started("the second tab", other if first_ends_first else answered)
    if first_ends_first:
        came = await other.is_asked(second, patience)
        how = "the second one began and ended after it" if came else "the second one waited for it"
        one.release.set()
        await asyncio.wait({first}, timeout=patience)
        other.release.set()
    else:
        done, _ = await asyncio.wait({second}, timeout=patience)
        how = "the second one ran as a whole" if done else "the second one waited for it"
        one.release.set()
    await asyncio.wait({first, second})
    trial.notes.append(f"{trial.lane}: the first tab's turn was held in its model; {how}")
    acknowledged = []
    for who, result in (("the first tab", first.result()), ("the second tab", second.result())):
        if isinstance(result, Exception):
            trial.notes.append(f"{who}'s turn was refused: {type(result).__name__}: {str(result)[:200]}")
        else:
            acknowledged.append(f"question of {who}")
    if not acknowledged:
        raise CannotTell(f"Neither of two overlapping turns was answered: {trial.notes[-1]}")
    return Turns(acknowledged, await store.read("a reader", at))

async def both_orders(trial: Trial) -> AsyncIterator[Turns]:
    """What came of it where the first turn ends last, and where it ends first: one of them may be right alone."""
    async with trial.store() as store:
        store.needs("turn")
        for name, first_ends_first in (("one", False), ("two", True)):
            yield await overlapping(store, trial.at(name), first_ends_first=first_ends_first)

async def pairs(trial: Trial) -> None:
    async for came in both_orders(trial):
        roles = [role for role, _ in came.stored]
        if roles != ["user", "assistant"] * (len(roles) // 2):
            raise Wrong(f"The conversation is torn: {', '.join(roles)}. Stored: {short(came.stored)}.")

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

PATIENCE = 0.25

SLOWER = 5

async def outcome(work: Coroutine[Any, Any, Any]) -> Any:
    """What it returns or raises."""
    try:
        return await work
    except Exception as exc:
        return exc

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

_AWAITED = {"add_message": "async_add_message"}

class LlamaIndexChatStore(Subject):
    interface = "LlamaIndex BaseChatStore"
    able = frozenset({"read", "clear", "list", "turn", "messages", "process"})
    one_by_one = True

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "append": "a message is added alone: a question and its answer are two calls",
            "owner": "a conversation has a key, and no owner",
            "search": "a chat store has no search",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "BaseChatStore" for kind in type(made).__mro__)

    async def _call(self, name: str, *given: Any) -> Any:
        if self.lane == "sync":
            return getattr(self.made, name)(*given)
        return await getattr(self.made, _AWAITED.get(name, f"a{name}"))(*given)

    async def read(self, at: Address) -> list[Said]:
        return [spoken(each) for each in await self.kept(at)]

    async def kept(self, at: Address) -> list[Any]:
        return list(await self._call("get_messages", at.session))

    async def append(self, at: Address, *said: Said) -> None:
        from llama_index.core.llms import ChatMessage

        await self.keep(at, [ChatMessage(text, role=role) for role, text in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        for each in messages:
            await self._call("add_message", at.session, each)

    async def clear(self, at: Address) -> None:
        await self._call("delete_messages", at.session)

    async def listed(self, owner: str) -> list[str]:  # noqa: ARG002  # it knows no owner
        return sorted(await self._call("get_keys"))

    async def turn(self, at: Address, text: str, think: Think) -> str:
        from llama_index.core.chat_engine import SimpleChatEngine
        from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata
        from llama_index.core.memory import ChatMemoryBuffer

        async def answered(messages: Any) -> Any:
            *before, question = [spoken(each) for each in messages]
            return ChatResponse(message=ChatMessage(await think(question[1], before), role="assistant"))

        class Thinking(CustomLLM):  # type: ignore[misc]  # Any, where it is not installed
            @property
            def metadata(self) -> Any:
                return LLMMetadata(context_window=10_000_000, is_chat_model=True)

            def chat(self, messages: Any, **_: Any) -> Any:
                return run_now(answered(messages))

            async def achat(self, messages: Any, **_: Any) -> Any:
                return await answered(messages)

            def complete(self, *_: Any, **__: Any) -> Any:
                raise TypeError("a chat model completes nothing")

            stream_complete = complete

        memory = ChatMemoryBuffer.from_defaults(
            token_limit=10_000_000, chat_store=self.made, chat_store_key=at.session, tokenizer_fn=list
        )
        engine = SimpleChatEngine.from_defaults(llm=Thinking(), memory=memory)
        return str(engine.chat(text) if self.lane == "sync" else await engine.achat(text))

    def samples(self) -> list[Any]:
        from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

        call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"id": 7}'}}
        return [
            ChatMessage("You are brief.", role="system"),
            ChatMessage(
                blocks=[TextBlock(text="Ünïcode 🙂\n\ttab"), ImageBlock(url="http://a.test/b.png")], role="user"
            ),
            ChatMessage("", role="assistant", additional_kwargs={"tool_calls": [call]}),
            ChatMessage('{"found": [7, null]}', role="tool", additional_kwargs={"tool_call_id": "c1"}),
        ]

def spoken(message: Any) -> Said:
    return str(message.role.value), message.content or ""

EXAMPLES = {
    "AUDIT_REDIS_URL": "redis://localhost:6379/0",
    "AUDIT_POSTGRES_URL": "postgresql://user:password@localhost:5432/postgres",
}

def server_url(variable: str) -> str:
    """The address that it holds. Raises LookupError if it is not set."""
    found = os.environ.get(variable, "")
    if not found:
        raise LookupError(f"Set {variable} to a server that may be written to, like {EXAMPLES[variable]}")
    return found

def redis() -> Any:
    from llama_index.storage.chat_store.redis import RedisChatStore

    return RedisChatStore(server_url("AUDIT_REDIS_URL"), ttl=3600)
