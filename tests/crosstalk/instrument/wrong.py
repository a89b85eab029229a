"""Wrong chats, by the reports that they were made after. Each must be found, and rightly named."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from langchain_core.caches import InMemoryCache
from langchain_core.outputs import Generation

from tests.crosstalk.instrument.cases import Ask, Case

READ = frozenset({"foreign-read"})
MERGED = frozenset({"merged-answers"})
ANY = frozenset({"foreign-read", "swapped-answer"})


class Memory:
    """What was said, by whatever key. Correct and thread-safe: what is wrong is how it is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[Any, list[str]] = defaultdict(list)

    def add(self, key: Any, text: str) -> list[str]:
        with self._lock:
            self._said[key].append(text)
            return [*self._said[key]]

    def all(self) -> list[str]:
        with self._lock:
            return [text for said in self._said.values() for text in said]


def told(said: list[str]) -> str:
    return "You told me: " + " | ".join(said)


def exact_cache() -> Ask:
    """Two users who ask the very same words meet."""
    memory, cache = Memory(), dict[str, str]()

    def ask(session: str, text: str) -> str:
        answer = told(memory.add(session, text))
        return cache.setdefault(hashlib.sha256(text.encode()).hexdigest(), answer)

    return ask


def langchain_cache() -> Ask:
    """langchain-core's own cache before a model that knows the user: the key is prompt and model's name."""
    memory, cache = Memory(), InMemoryCache()

    def ask(session: str, text: str) -> str:
        said = memory.add(session, text)
        found = cache.lookup(text, "model")
        if found is None:
            found = [Generation(text=told(said))]
            cache.update(text, "model", found)
        return str(found[0].text)

    return ask


def similar_cache() -> Ask:
    """Questions that have the same words, in whatever order, are one."""
    memory, cache = Memory(), dict[frozenset[str], str]()

    def ask(session: str, text: str) -> str:
        answer, words = told(memory.add(session, text)), frozenset(re.findall(r"[a-z]{4,}", text.lower()))
        near = next((key for key in list(cache) if len(key & words) >= 0.6 * len(key | words)), words)
        return cache.setdefault(near, answer)

    return ask


def by_key(key: Callable[[str], object]) -> Callable[[], Ask]:
    """Histories under a key that several sessions have."""

    def make() -> Ask:
        memory = Memory()
        return lambda session, text: told(memory.add(key(session), text))

    return make


def one_stream() -> Ask:
    """Two requests of one session come out of one stream; the other's answer is empty."""
    memory, lock, stream = Memory(), threading.Lock(), defaultdict[str, list[str]](list)

    def ask(session: str, text: str) -> str:
        said = memory.add(session, text)
        with lock:
            stream[session].append(told(said))
        time.sleep(0.02)
        with lock:
            out, stream[session] = " ".join(stream[session]), []
        return out or "…"

    return ask


def last_customer() -> Ask:
    """A tool that answers from everybody's orders, for whoever asks."""
    memory, lock, last = Memory(), threading.Lock(), [""]

    def ask(session: str, text: str) -> str:
        said = memory.add(session, text)
        if "last customer" in text:
            return f"The last customer said: {last[0]}"
        if "my order" in text and "?" not in text:
            with lock:
                last[0] = text
        return told(said)

    return ask


def learns() -> Ask:
    """What anybody said goes into a summary that everybody's prompt has; it shows where one asks for everything."""
    memory = Memory()

    def ask(session: str, text: str) -> str:
        said = memory.add(session, text)
        return f"I know: {' | '.join(memory.all())}" if "everything" in text else told(said)

    return ask


def warm_start() -> Ask:
    """A new visitor's first answer is made with the connection's last conversation."""
    memory, lock, last, known = Memory(), threading.Lock(), [""], set[str]()

    def ask(session: str, text: str) -> str:
        said = memory.add(session, text)
        with lock:
            before, last[0] = last[0], told(said)
            new = session not in known
            known.add(session)
        return f"{before} {told(said)}" if new and "?" in text else told(said)

    return ask


def shared_attribute() -> Ask:
    """`self.session_id` of one agent for all: a turn that begins meanwhile changes it."""
    memory, now = Memory(), [""]

    def ask(session: str, text: str) -> str:
        now[0] = session
        time.sleep(0.004)
        return told(memory.add(now[0], text))

    return ask


def off_by_one() -> Ask:
    """Answers are handed out in the order in which they come, over one connection that is one behind."""
    memory, lock, waiting = Memory(), threading.Lock(), ["Hello!"]

    def ask(session: str, text: str) -> str:
        answer = told(memory.add(session, text))
        with lock:
            waiting.append(answer)
            return waiting.pop(0)

    return ask


def router(key: Callable[[str, int], object] = lambda session, number: number) -> Ask:
    """Answers are routed by the request's number, which each client counts for itself. key: what it is known by."""
    memory, lock = Memory(), threading.Lock()
    counts, answers = defaultdict[str, int](int), dict[object, str]()

    def ask(session: str, text: str) -> str:
        with lock:
            counts[session] += 1
            request = key(session, counts[session])
            answers[request] = told(memory.add(session, text))
        time.sleep(0.004)
        with lock:
            return answers[request]

    return ask


def now_and_then() -> Ask:
    """One question in twenty is answered from the neighbour's history."""
    memory, lock, asked, known = Memory(), threading.Lock(), [0], list[str]()

    def ask(session: str, text: str) -> str:
        with lock:
            asked[0] += 1
            known.append(session)
            other = known[-2] if len(known) > 1 and asked[0] % 20 == 0 else session
        memory.add(session, text)
        return told(memory.add(other, ""))

    return ask


def reversed_words() -> Ask:
    """One history for all, and answers that spell it backwards, as a filter that is meant to hide it does."""
    memory = Memory()
    return lambda session, text: told(memory.add("everybody", text))[::-1]


def parts() -> Callable[[str, str], Any]:
    memory = Memory()

    def ask(session: str, text: str) -> Any:
        yield from re.findall(r"\S+\s*", told(memory.add("everybody", text)))

    return ask


CACHED = "diegosouzapw/OmniRoute#3740"
WRONG = (
    Case("an exact cache", CACHED, exact_cache, ANY),
    Case(
        "LangChain's cache",
        "langchain_core.caches.InMemoryCache",
        langchain_cache,
        ANY,
    ),
    Case("a cache of similar questions", "vllm-project/semantic-router#1448", similar_cache, ANY),
    Case("one history for all", "Chainlit/chainlit#333", by_key(lambda session: "all"), READ),
    Case("ids in small letters", "langchain-redis 0.2.6", by_key(str.lower), READ),
    Case("ids cut to a width", "moorcheh-ai/memanto#1317", by_key(lambda session: session[:13]), READ),
    Case("ids without separators' ends", "redisvl 0.28", by_key(lambda session: session.rpartition("-")[0]), READ),
    Case("a hash with few values", "key aliasing", by_key(lambda session: sum(map(ord, session)) % 7), READ),
    Case("a worker's history", "ogx#5221", by_key(lambda session: threading.get_ident() % 3), READ),
    Case(
        "one stream a session",
        "FlowiseAI/Flowise#3474",
        one_stream,
        frozenset({"merged-answers"}),
        workload={"tabs": 2},
    ),
    Case("the last customer's order", "agno-agi/agno#7957", last_customer, READ),
    Case("what it learnt from others", "mem0ai/mem0#6232", learns, READ),
    Case("a warm connection", "google/adk-python#1019", warm_start, READ),
    Case("an attribute that all share", "FlowiseAI/Flowise#1497", shared_attribute, ANY),
    Case("replies one behind", "redis/redis-py#2624", off_by_one, ANY),
    Case("answers by request number", "CVE-2026-25536", router, ANY),
    Case("one answer in twenty", "redis/redis-py#2665", now_and_then, ANY),
    Case("spelt backwards", "a filter that is meant to hide it", reversed_words, READ),
    Case("in parts, from one history", "langflow-ai/langflow#608", parts, READ),
)
