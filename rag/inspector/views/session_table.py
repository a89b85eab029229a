"""Which sessions there are: a page of the index, or what a walk over all of them keeps.

By last activity and by the end of their lives sessions are sorted in Redis, and a page costs the same among ten as
among a hundred thousand. By anything else, and where another format has no index, one walk in small steps keeps the
best `limit` of them; it tells how far it is, and may be stopped.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

from rag.inspector.layouts.base import Histories
from rag.inspector.pace import Pace, Progress, Stopped
from rag.sessions.listing.directory import Row

Flag = Literal["you", "simulated", "example", "pinned", "no expiry", "suspicious"]
FLAGS: tuple[Flag, ...] = ("you", "simulated", "example", "pinned", "no expiry", "suspicious")
Order = Literal["seen", "ttl", "created", "turns", "messages", "bytes"]
SIMULATED = "sim-"
EXAMPLES = "example-"
LIMIT = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """What a session has to be like. idle: seconds since its last turn; ttl: seconds left, `inf` for ever.

    text: in one of its messages, in any case; flags: all of them.
    """

    text: str = ""
    flags: frozenset[Flag] = frozenset()
    idle: tuple[float, float] = (-math.inf, math.inf)
    ttl: tuple[float, float] = (-math.inf, math.inf)
    messages: tuple[float, float] = (0, math.inf)
    bytes: tuple[float, float] = (0, math.inf)
    you: str = ""

    def takes(self, row: Row, now: float) -> bool:
        idle = now - row.info.last_seen if row.info.last_seen else 0.0
        left = math.inf if row.info.ttl is None else row.info.ttl
        return (
            self.flags <= flags(row, self.you)
            and _within(idle, self.idle)
            and _within(left, self.ttl)
            and _within(row.info.messages, self.messages)
            and _within(row.bytes or 0, self.bytes)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """rows: the first ones in order; matching: how many there were. complete: False if it was stopped."""

    rows: tuple[Row, ...]
    matching: int
    looked_at: int
    complete: bool
    load: str


def flags(row: Row, you: str = "") -> frozenset[Flag]:
    found: set[Flag] = set()
    if you and row.info.id == you:
        found.add("you")
    if row.info.id.startswith(SIMULATED):
        found.add("simulated")
    if row.info.id.startswith(EXAMPLES):
        found.add("example")
    if row.pinned:
        found.add("pinned")
    elif row.info.ttl is None:
        found.add("no expiry")
    if row.info.quarantined:
        found.add("suspicious")
    return frozenset(found)


def search(
    histories: Histories,
    wanted: Filter,
    now: float,
    total: int,
    order: Order,
    limit: int,
    pace: Pace,
    progress: Callable[[Progress], None] | None,
) -> Found:
    best: list[tuple[float, int, Row]] = []
    looked, matching, keys, ticket, complete = 0, 0, 0, count(), True
    text_only = wanted == Filter(text=wanted.text, you=wanted.you)
    try:
        for seen, ids in histories.listed(pace):
            keys += seen
            looked += len(ids)
            # Whatever leaves the fewest sessions for the other comes first.
            if wanted.text and text_only:
                rows = histories.rows(_with_text(histories, ids, wanted.text, pace), pace)
            else:
                rows = [row for row in histories.rows(ids, pace) if wanted.takes(row, now)]
                if wanted.text:
                    said = set(_with_text(histories, [row.info.id for row in rows], wanted.text, pace))
                    rows = [row for row in rows if row.info.id in said]
            for row in rows:
                matching += 1
                heapq.heappush(best, (_score(row, order), next(ticket), row))
                if len(best) > limit:
                    heapq.heappop(best)
            if progress is not None:
                progress(Progress(looked, 0, keys, total, matching))
            pace.check()
    except Stopped:
        complete = False
    ordered = tuple(row for _, _, row in sorted(best, key=lambda one: (-one[0], one[1])))
    return Found(ordered, matching, looked, complete, str(pace))


def _with_text(histories: Histories, ids: Sequence[str], text: str, pace: Pace) -> list[str]:
    """Those of these sessions in which it was said, in any case."""
    wanted, found = text.casefold(), []
    for start in range(0, len(ids), 50):
        for session_id, lines in histories.lines(ids[start : start + 50], pace):
            if any(wanted in histories.parse(raw, session_id).text.casefold() for raw in lines):
                found.append(session_id)
    return found


def _score(row: Row, order: Order) -> float:
    """The highest comes first: what is newest, largest, or ends last."""
    values = {"seen": row.info.last_seen, "ttl": math.inf if row.info.ttl is None else row.info.ttl, "bytes": row.bytes}
    return float((values[order] if order in values else getattr(row.info, order)) or 0)


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]
