"""How fast a turn is stored, against the fastest that a turn of two round trips can be, and against what others use.

A turn here is: read the session's history, append a question and an answer, renew the time to live. All contenders
run in the same process on the same server, in slices that alternate, so that a machine whose speed drifts slows all
of them; ratios are taken slice by slice.
"""

from __future__ import annotations

import json
import secrets
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Protocol

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict

from rag.sessions.connection.connect import Client
from rag.sessions.messages.codec import duplicate
from rag.sessions.protocol.replies import Committed
from rag.sessions.protocol.requests import Request
from rag.sessions.store import SessionStore

TTL = 3600
TURNS = 5
SETTINGS = [(threads, messages) for threads in (1, 100) for messages in (0, 40, 1000)]
"""Threads, and messages in each session: what the full table has."""
HEAVY = 50_000
"""So many messages at once take minutes to write for those who send them one by one: half the slices have to do."""
CACHE = 512 << 20
"""Room for a hundred sessions of a thousand messages, which a store would keep in memory only if it were told to."""
QUESTION = HumanMessage("How long do I have to return a jacket that I bought in November?")
ANSWER = AIMessage("You can return an item within 30 days of delivery [1]. Members of Plus have 60 days [1]. " * 3)
PAIR: Sequence[BaseMessage] = (QUESTION, ANSWER)


class Contender(Protocol):
    """One way to keep histories. `turn` is what is timed; it returns how many messages it read."""

    name: str

    def fill(self, session_id: str, pairs: int) -> None: ...
    def turn(self, session_id: str) -> int: ...
    def delete(self, session_ids: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """`rate` in turns a second, `ratio` to the limit: both medians over the slices of one setting."""

    name: str
    threads: int
    messages: int
    rate: float
    ratio: float


class Limit:
    """Bytes only: one pipelined read of everything, one pipelined write. Nothing decoded, no lock, no fence."""

    name = "bytes-only limit"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._pair = [json.dumps(message_to_dict(message)) for message in PAIR]

    def fill(self, session_id: str, pairs: int) -> None:
        if pairs:
            self._client.rpush(session_id, *self._pair * pairs)

    def turn(self, session_id: str) -> int:
        read = self._client.pipeline(transaction=False)
        read.lrange(session_id, 0, -1)
        found = read.execute()[0]
        write = self._client.pipeline(transaction=False)
        write.rpush(session_id, *self._pair)
        write.expire(session_id, TTL)
        write.execute()
        return len(found)

    def delete(self, session_ids: Sequence[str]) -> None:
        for session_id in session_ids:
            self._client.delete(session_id)


class Classic(Limit):
    """The design of most tutorials: LRANGE, then RPUSH and EXPIRE for each message, in LangChain's dict form."""

    name = "classic five commands"

    def turn(self, session_id: str) -> int:
        raw = self._client.lrange(session_id, 0, -1)
        found = messages_from_dict([json.loads(item) for item in raw])
        for message in PAIR:
            self._client.rpush(session_id, json.dumps(message_to_dict(message)))
            self._client.expire(session_id, TTL)
        return len(found)


class LangChain:
    """Any LangChain history: `messages`, then `add_messages`. One object a session, made before the clock runs."""

    def __init__(self, name: str, make: Callable[[str], object]) -> None:
        self.name = name
        self._make = make
        self._made: dict[str, object] = {}

    def fill(self, session_id: str, pairs: int) -> None:
        self._made[session_id] = history = self._make(session_id)
        if pairs:
            history.add_messages(list(PAIR) * pairs)  # type: ignore[attr-defined]

    def turn(self, session_id: str) -> int:
        history = self._made[session_id]
        found = history.messages  # type: ignore[attr-defined]
        history.add_messages(list(PAIR))  # type: ignore[attr-defined]
        return len(found)

    def delete(self, session_ids: Sequence[str]) -> None:
        for session_id in session_ids:
            self._made.pop(session_id).clear()  # type: ignore[attr-defined]


class Crosswire:
    """This package's store: lock, fence, whole turns, index and audit included."""

    def __init__(self, name: str, store: SessionStore, *, looking: bool = False, copying: bool = False) -> None:
        """looking: at each message of the history, as a caller does that sends all of it to a model.

        copying: all of them when the turn begins, whether they are looked at or not.
        """
        self.name = name
        self._store = store
        self._looking = looking
        self._copying = copying

    def fill(self, session_id: str, pairs: int) -> None:
        if pairs:
            self._store.append(session_id, list(PAIR) * pairs)

    def turn(self, session_id: str) -> int:
        with self._store.turn(session_id) as turn:
            found = turn.messages if not self._looking else list(turn.messages)
            if self._copying:
                found = [duplicate(message) for message in list.__iter__(turn.messages)]
            turn.commit(PAIR)
        return len(found)

    def delete(self, session_ids: Sequence[str]) -> None:
        for session_id in session_ids:
            self._store.clear(session_id)


def contenders(client: Client, url: str, folder: Path) -> list[Contender]:
    """Everybody who takes part. `url`: the same server, for those who connect by themselves; `folder`: for SQLite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.chat_message_histories import RedisChatMessageHistory, SQLChatMessageHistory

    def community(session_id: str) -> object:
        return RedisChatMessageHistory(session_id, url=url, ttl=TTL)

    def sqlite(session_id: str) -> object:
        # Its own default gives up after 5 s of other threads' writes.
        patient = {"connect_args": {"timeout": 60}}
        return SQLChatMessageHistory(session_id, connection=f"sqlite:///{folder / 'bench.db'}", engine_args=patient)

    key = secrets.token_bytes(32)
    return [
        Limit(client),
        Crosswire("Crosswire", SessionStore(client, TTL, cache_bytes=CACHE)),
        Crosswire("Crosswire, every message looked at", SessionStore(client, TTL, cache_bytes=CACHE), looking=True),
        Crosswire("Crosswire, encrypted", SessionStore(client, TTL, cache_bytes=CACHE, encryption_keys=[key])),
        Classic(client),
        LangChain("LangChain community Redis", community),
        LangChain("LangChain community SQLite", sqlite),
    ]


def ablations(client: Client) -> list[Contender]:
    """The store without each of its devices for speed: a device that gains nothing here has to go."""

    def without(name: str, cache_bytes: int = CACHE) -> tuple[Crosswire, SessionStore]:
        store = SessionStore(client, TTL, cache_bytes=cache_bytes)
        return Crosswire(f"without {name}", store), store

    uncached, _ = without("remembered histories", cache_bytes=0)
    routed, store = without("commands that go to the connection itself")
    store._sender._pool = None
    checked, store = without("connections used again unchecked")
    store._sender._take, store._sender._give = store._sender._pool.get_connection, store._sender._pool.release
    idle, store = without("work while the server answers")
    store.protocol.commit = _one_by_one(store.protocol.commit)  # type: ignore[method-assign]
    eager = Crosswire("copies of all messages at once", SessionStore(client, TTL, cache_bytes=CACHE), copying=True)
    return [uncached, routed, checked, idle, eager]


def _one_by_one(commit: Callable[..., Request[Committed]]) -> Callable[..., Request[Committed]]:
    return lambda *args: commit(*args)._replace(meanwhile=None)


def run(
    contenders: Sequence[Contender],
    settings: Sequence[tuple[int, int]],
    *,
    slices: int = 5,
    seconds: float = 0.4,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Row]:
    """Rows for each setting `(threads, messages)`. The first contender is the limit that ratios refer to."""
    for threads, messages in settings:
        rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
        count = slices if threads * messages < HEAVY else max(1, slices // 2)
        for number in range(count):
            for contender in contenders:
                progress(f"{threads} threads, {messages} messages, slice {number + 1} of {count}: {contender.name}")
                rates[contender.name].append(_slice(contender, threads, messages, seconds))
        limit = rates[contenders[0].name]
        for name, measured in rates.items():
            ratio = median(own / other for own, other in zip(measured, limit, strict=True))
            yield Row(name, threads, messages, median(measured), ratio)


def _slice(contender: Contender, threads: int, messages: int, seconds: float) -> float:
    """Turns a second in sessions of this length. The clock runs only while turns are taken.

    Each thread has sessions of its own; each session takes one turn before the clock runs and one to TURNS while it
    does, so that its length hardly changes, and then makes room for the next.
    """
    done, took = 0, 0.0
    with ThreadPoolExecutor(threads) as pool:
        while took < seconds:
            sessions = [f"bench-{secrets.token_hex(8)}" for _ in range(max(threads, 20 if messages < 500 else 4))]
            for session_id in sessions:
                contender.fill(session_id, messages // 2)
                _read_right(contender, session_id, messages)
            shares = [sessions[number::threads] for number in range(threads)]
            begun = perf_counter()
            work = partial(_work, contender, until=begun + seconds - took)
            done += work(sessions) if threads == 1 else sum(pool.map(work, shares))
            took += perf_counter() - begun
            contender.delete(sessions)
    return done / took


def _read_right(contender: Contender, session_id: str, messages: int) -> None:
    found = contender.turn(session_id)
    if found != messages // 2 * 2:
        raise ValueError(f"{contender.name} read {found} messages of {messages}: its figures would mean nothing")


def _work(contender: Contender, sessions: Sequence[str], until: float) -> int:
    done = 0
    while done < TURNS * len(sessions):
        for session_id in sessions:
            contender.turn(session_id)
        done += len(sessions)
        if perf_counter() > until:
            break
    return done
