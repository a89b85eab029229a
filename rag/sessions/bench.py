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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, cast

import redis
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict

from rag.sessions.connection.connect import Client
from rag.sessions.connection.replication import Link
from rag.sessions.messages.codec import duplicate
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


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to keep histories. `turn` is what is timed; it returns how many messages it read.

    fill: a session with so many questions and answers. delete: one session.
    """

    name: str
    fill: Callable[[str, int], object]
    turn: Callable[[str], int]
    delete: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Row:
    """`rate` in turns a second, `ratio` to the limit: both medians over the slices of one setting."""

    name: str
    threads: int
    messages: int
    rate: float
    ratio: float


def limit(client: Client) -> Contender:
    """Bytes only: one pipelined read of everything, one pipelined write. Nothing decoded, no lock, no fence."""
    pair = [json.dumps(message_to_dict(message)) for message in PAIR]

    def fill(session_id: str, pairs: int) -> None:
        if pairs:
            client.rpush(session_id, *pair * pairs)

    def turn(session_id: str) -> int:
        read = client.pipeline(transaction=False)
        read.lrange(session_id, 0, -1)
        found = read.execute()[0]
        write = client.pipeline(transaction=False)
        write.rpush(session_id, *pair)
        write.expire(session_id, TTL)
        write.execute()
        return len(found)

    return Contender("bytes-only limit", fill, turn, client.delete)


def classic(client: Client) -> Contender:
    """The design of most tutorials: LRANGE, then RPUSH and EXPIRE for each message, in LangChain's dict form."""

    def turn(session_id: str) -> int:
        found = messages_from_dict([json.loads(item) for item in client.lrange(session_id, 0, -1)])
        for message in PAIR:
            client.rpush(session_id, json.dumps(message_to_dict(message)))
            client.expire(session_id, TTL)
        return len(found)

    return replace(limit(client), name="classic five commands", turn=turn)


def langchain(name: str, make: Callable[[str], Any]) -> Contender:
    """Any LangChain history: `messages`, then `add_messages`. One object a session, made before the clock runs."""
    made: dict[str, Any] = {}

    def fill(session_id: str, pairs: int) -> None:
        made[session_id] = history = make(session_id)
        if pairs:
            history.add_messages(list(PAIR) * pairs)

    def turn(session_id: str) -> int:
        found = len(made[session_id].messages)  # before the list, which may be the history's own, grows
        made[session_id].add_messages(list(PAIR))
        return found

    return Contender(name, fill, turn, lambda session_id: made.pop(session_id).clear())


def crosswire(name: str, store: SessionStore, *, looking: bool = False, copying: bool = False) -> Contender:
    """This package's store: lock, fence, whole turns, index and audit included.

    looking: at each message of the history, as a caller does that sends all of it to a model. copying: all of them when
    the turn begins, whether they are looked at or not.
    """

    def fill(session_id: str, pairs: int) -> None:
        if pairs:
            store.append(session_id, list(PAIR) * pairs)

    def turn(session_id: str) -> int:
        with store.turn(session_id) as held:
            found = held.messages if not looking else list(held.messages)
            if copying:
                found = [duplicate(message) for message in list.__iter__(held.messages)]
            held.commit(PAIR)
        return len(found)

    return Contender(name, fill, turn, store.clear)


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
        limit(client),
        crosswire("Crosswire", SessionStore(client, TTL, cache_bytes=CACHE)),
        crosswire("Crosswire, every message looked at", SessionStore(client, TTL, cache_bytes=CACHE), looking=True),
        crosswire("Crosswire, encrypted", SessionStore(client, TTL, cache_bytes=CACHE, encryption_keys=[key])),
        classic(client),
        langchain("LangChain community Redis", community),
        langchain("LangChain community SQLite", sqlite),
    ]


def ablations(client: Client) -> list[Contender]:
    """The store without each of its devices for speed: a device that gains nothing here has to go."""

    def without(name: str, cache_bytes: int = CACHE) -> tuple[Contender, SessionStore]:
        store = SessionStore(client, TTL, cache_bytes=cache_bytes)
        return crosswire(f"without {name}", store), store

    uncached, _ = without("remembered histories", cache_bytes=0)
    routed, store = without("commands sent to the connection itself")
    store._sender._link = None
    checked, store = without("connections used again unchecked")
    pool = cast(redis.Redis, client).connection_pool
    store._sender._link = Link(pool.get_connection, pool.release)
    eager = crosswire("copies of all messages at once", SessionStore(client, TTL, cache_bytes=CACHE), copying=True)
    return [uncached, routed, checked, eager]


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
        first = rates[contenders[0].name]
        for name, measured in rates.items():
            ratio = median(own / other for own, other in zip(measured, first, strict=True))
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
            for session_id in sessions:
                contender.delete(session_id)
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
