"""Generated sessions, and what looking at them costs: first page, finding, opening one, text search, scan.

The sessions are written past the store, which would take its time, in exactly the form that it writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.inspector.forensics.scan import scan
from rag.inspector.inspector import Inspector
from rag.inspector.pace import Pace
from rag.inspector.views.session_table import Filter
from rag.sessions import SessionStore
from rag.sessions.ids import SessionId
from rag.sessions.messages.codec import Place, encode
from rag.sessions.names import friendly_name
from rag.sessions.protocol import index_entries

BATCH = 500
GAP = 20.0


@dataclass(frozen=True, slots=True)
class Measured:
    """seconds: the best of three for what is quick; commands: that the server ran for one of them."""

    what: str
    seconds: float
    commands: int


def session_ids(count: int, seed: str = "bench") -> Iterator[SessionId]:
    for number in range(count):
        yield SessionId(hashlib.sha256(f"{seed}:{number}".encode()).hexdigest())


def fill(client: Any, store: SessionStore, sessions: int, turns: int = 5, seed: str = "bench") -> list[SessionId]:
    """Write clean sessions; every text is of one session only. The newest is last."""
    ids = list(session_ids(sessions, seed))
    keys, now, ttl = store.protocol.keys, store.protocol.now(), store.protocol.ttl
    for start in range(0, sessions, BATCH):
        part = ids[start : start + BATCH]
        pipe = client.pipeline(transaction=False)
        live, ends, find = {}, {}, {}
        for number, sid in enumerate(part, start):
            seen = now - ttl * 0.9 * (1 - number / sessions)
            _session(pipe, store, sid, turns, seen)
            pipe.expire(keys.of(sid).history, left := int(ttl - (now - seen)) + 1)
            pipe.expire(keys.of(sid).session, left)
            live[sid], ends[sid] = round(seen, 3), round(now + left, 3)
            find.update(dict.fromkeys(index_entries.find_entries(sid).split("\n"), 0))
        for name, members in ((keys.live, live), (keys.ends, ends), (keys.find, find)):
            pipe.zadd(name, members)
        pipe.execute()
    return ids


def _session(pipe: Any, store: SessionStore, sid: SessionId, turns: int, seen: float) -> None:
    keys, lines = store.protocol.keys.of(sid), []
    for turn in range(1, turns + 1):
        place = Place(sid, turn, round(seen - (turns - turn) * GAP, 3), f"{sid[:8]}.{turn}", ("returns.md",))
        lines += encode(_pair(sid, turn), place, store.protocol.seal)
    created = round(seen - (turns - 1) * GAP, 3)
    pipe.rpush(keys.history, *lines)
    pipe.hset(
        keys.session,
        mapping={"turns": turns, "seen": round(seen, 3), "epoch": f"e.{sid[:8]}", "created": created, "model": "bench"},
    )


def _pair(sid: str, turn: int) -> list[BaseMessage]:
    order = f"{sid[:10]}-{turn}"
    return [
        HumanMessage(f"My order {order} has not arrived, although it was to be here on Tuesday. Where is it now?"),
        AIMessage(
            f"Your order {order} left our warehouse on Monday and is with the carrier. " + "It is on its way. " * 8
        ),
    ]


def measure(inspector: Inspector, ids: list[SessionId], progress: Callable[[str], None]) -> list[Measured]:
    """What the inspector's views cost now. The scan is last, and is done once."""
    first, last = ids[0], ids[-1]
    quick: list[tuple[str, Callable[[], object]]] = [
        ("overview", inspector.overview),
        ("first page (50, by last activity)", lambda: inspector.page(0, 50)),
        ("first page (50, by end)", lambda: inspector.page(0, 50, "ending")),
        ("page in the middle", lambda: inspector.page(len(ids) // 2, 50)),
        ("find by id", lambda: inspector.find(first[:12])),
        ("find by name", lambda: inspector.find(friendly_name(first))),
        ("open one session", lambda: inspector.view(last)),
    ]
    rows = []
    for what, act in quick:
        progress(what)
        rows.append(_timed(inspector, what, act, times=3))
    progress("text search")
    wanted = Filter(text=f"{first[:10]}-1 ")
    rows.append(_timed(inspector, "text in any message", lambda: inspector.search(wanted, pace=Pace())))
    progress("sorted by bytes")
    rows.append(_timed(inspector, "largest 200", lambda: inspector.search(Filter(), "bytes", pace=Pace())))
    progress("scan")
    rows.append(_timed(inspector, "scan", lambda: scan(inspector.histories, canaries=(f"{first[:10]}-1",))))
    return rows


def memory() -> int:
    """The most that this process ever held, in bytes. Not on Windows."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _timed(inspector: Inspector, what: str, act: Callable[[], object], times: int = 1) -> Measured:
    best = float("inf")
    for _ in range(times):
        before = commands(inspector.client)
        began = perf_counter()
        act()
        best = min(best, perf_counter() - began)
    return Measured(what, best, commands(inspector.client) - before - 1)


def commands(client: Any) -> int:
    """How many commands the server ran until now."""
    return int(client.info("stats")["total_commands_processed"])
