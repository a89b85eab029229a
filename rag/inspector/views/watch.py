"""What happens to sessions, as it happens: they begin, go on, and end. Polls the index; costs one page a look."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal

from rag.errors import CrosswireError
from rag.inspector.inspector import Inspector
from rag.inspector.key_scan import of_each
from rag.inspector.layouts.crosswire import Own
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.listing.sweep import own
from rag.sessions.names import friendly_name

KNOWN = 500
"""Sessions whose end is waited for: of the newest and of those that end first, so many each."""
A_LOOK = 1000
A_TURN = 8
"""Messages at the end of a history among which the newest question is."""


@dataclass(frozen=True, slots=True)
class News:
    at: float
    what: Literal["begins", "turn", "ends"]
    session: str
    name: str
    detail: str


def known(inspector: Inspector) -> dict[str, float]:
    """The sessions that are there now, as far as they are watched, with their last activity."""
    if not isinstance(inspector.histories, Own):
        raise CrosswireError("Watching needs the index that only the format 'crosswire' keeps.")
    pages = [inspector.page(0, KNOWN, "newest"), inspector.page(0, KNOWN, "ending")]
    return {row.info.id: row.info.last_seen for page in pages for row in page.rows}


def watch(
    inspector: Inspector, known: dict[str, float], interval: float, seconds: float, stop: Event
) -> Iterator[News]:
    """What is new since `known`, which is kept up. Until `stop`, or for so many seconds."""
    until = time.monotonic() + seconds
    while not stop.wait(min(interval, max(0.0, until - time.monotonic()))):
        yield from look(inspector, known)
        if time.monotonic() >= until:
            return


def look(inspector: Inspector, known: dict[str, float]) -> list[News]:
    """What is new since the last look, oldest first. `known` is kept up."""
    since = max(known.values(), default=0.0)
    keys = inspector.store.protocol.keys
    with translated(inspector.target):
        found = inspector.client.zrange(keys.live, since, "+inf", byscore=True, offset=0, num=A_LOOK)
        ids = own(inspector.client, keys, found)
    changed = [row for row in inspector.store.directory.rows(ids) if known.get(row.info.id, 0.0) < row.info.last_seen]
    news = []
    for row in changed:
        info, begins = row.info, row.info.id not in known
        known[info.id] = info.last_seen
        detail = f"turn {info.turns}, {info.messages} messages"
        what: Literal["begins", "turn"] = "begins" if begins else "turn"
        news.append(News(info.last_seen, what, info.id, row.name, detail))
    watched = list(known)
    for gone in set(watched) - inspector.store.live(watched):
        del known[gone]
        news.append(News(inspector.now, "ends", gone, friendly_name(gone), ""))
    for extra in watched[: max(0, len(known) - 4 * KNOWN)]:
        known.pop(extra, None)
    return sorted(news, key=lambda one: one.at)


def newest(inspector: Inspector, session_ids: Sequence[str]) -> dict[str, tuple[str, float | None]]:
    """Of each session the newest question, as it was asked, and how many milliseconds its last turn took.

    None if that was not recorded.
    """
    sids, keys = [SessionId(one) for one in session_ids], inspector.store.protocol.keys

    def ask(pipe: Any, sid: SessionId) -> None:
        own = keys.of(sid)
        pipe.lrange(own.history, -A_TURN, -1)
        pipe.lrange(own.trace, -1, -1)

    found: dict[str, tuple[str, float | None]] = {}
    with translated(inspector.target):
        replies = of_each(inspector.client, sids, ask)
    for sid, (lines, traces) in zip(sids, replies, strict=True):
        said = [inspector.histories.parse(raw, sid) for raw in (lines if isinstance(lines, list) else [])]
        last = next((one for one in reversed(said) if one.role == "user" and not one.problem), None)
        took = _took(inspector, sid, last.turn, traces) if last and isinstance(traces, list) else None
        found[sid] = (last.text if last else "", took)
    return found


def _took(inspector: Inspector, sid: SessionId, turn: int, stored: Sequence[bytes]) -> float | None:
    from rag.chat.trace import read  # it needs the chat, which takes its time to load

    traces = map(read, inspector.store.protocol.traces(sid, stored))
    return next((trace.total for trace in traces if trace is not None and trace.turn == turn), None)
