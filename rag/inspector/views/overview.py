"""How a store is doing, in so many commands whatever the number of sessions.

Counts of sessions, the ends of their lives and their activity come from the index and are exact as far as the index
is. Messages and bytes are exact for up to 200 sessions, and beyond estimated from 200 of them, drawn anew each time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from rag.inspector.key_scan import of_each
from rag.sessions.connection.errors import translated
from rag.sessions.listing.sweep import own, sweep
from rag.sessions.protocol.keys import Keys

SAMPLE = 200
LOOKED_AT = 50
SOON = 300
MINUTE, HOUR, DAY = 60, 3600, 86_400
ENDS = (
    ("< 1 min", 0, MINUTE),
    ("1-5 min", MINUTE, 5 * MINUTE),
    ("5-15 min", 5 * MINUTE, 15 * MINUTE),
    ("15-60 min", 15 * MINUTE, HOUR),
    ("1-6 h", HOUR, 6 * HOUR),
    ("6-24 h", 6 * HOUR, DAY),
    ("> 1 day", DAY, math.inf),
)
SLICE = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Estimate:
    """exact, or the true number is within `margin` of it 19 times in 20."""

    value: int
    exact: bool
    margin: int = 0

    def __str__(self) -> str:
        return f"{self.value:,}" if self.exact else f"≈ {self.value:,} ± {self.margin:,}"


@dataclass(frozen=True, slots=True)
class Overview:
    """ending: sessions that end within five minutes. pinned: kept on purpose; endless: without expiry otherwise.

    ends: sessions by the time that they have left. activity: by their last turn, in slices of five minutes, newest
    first. quarantined, crosstalk: how often that was ever found.
    """

    at: float
    sessions: int
    messages: Estimate
    bytes: Estimate
    ending: int
    pinned: int
    endless: int
    quarantined: int
    crosstalk: int
    ends: tuple[tuple[str, int], ...]
    activity: tuple[int, ...]


def overview(client: Any, keys: Keys, target: str, now: float) -> Overview:
    with translated(target):
        sweep(client, keys, now)
        return _overview(client, keys, now)


def _overview(client: Any, keys: Keys, now: float) -> Overview:
    pipe = client.pipeline(transaction=False)
    pipe.zcard(keys.live)
    pipe.zrandmember(keys.live, SAMPLE)
    pipe.hgetall(keys.counts)
    pipe.zcount(keys.ends, now, now + SOON)
    pipe.zcount(keys.ends, "+inf", "+inf")
    pipe.zrange(keys.ends, "+inf", "+inf", byscore=True, offset=0, num=LOOKED_AT)
    for _, low, high in ENDS:
        pipe.zcount(keys.ends, now + low, "(+inf" if high == math.inf else f"({now + high}")
    for number in range(HOUR // SLICE):
        newest = "+inf" if number == 0 else f"({now - number * SLICE}"
        pipe.zcount(keys.live, now - (number + 1) * SLICE, newest)
    sessions, drawn, counts, ending, without, kept, *slices = pipe.execute()
    messages, used, unending = _sampled(client, keys, own(client, keys, drawn), sessions)
    unpinned = _unpinned(client, keys, own(client, keys, kept))
    endless = max(round(without * unpinned / len(kept)) if kept else 0, unending)
    found = {name.decode(): int(count) for name, count in counts.items()}
    return Overview(
        now,
        sessions,
        messages,
        used,
        ending,
        max(0, without - endless),
        endless,
        found.get("quarantined", 0),
        found.get("crosstalk", 0),
        tuple((label, count) for (label, _, _), count in zip(ENDS, slices, strict=False)),
        tuple(slices[len(ENDS) :]),
    )


def _sampled(client: Any, keys: Keys, ids: Sequence[Any], sessions: int) -> tuple[Estimate, Estimate, int]:
    """Messages, bytes, and how many sessions of the sample have no expiry though they are not pinned."""

    def ask(pipe: Any, sid: Any) -> None:
        history, session, *_ = keys.of(sid)
        pipe.llen(history)
        pipe.memory_usage(history)
        pipe.memory_usage(session)
        pipe.pttl(session)
        pipe.hget(session, "ttl")

    rows = of_each(client, ids, ask)
    exact = sessions <= SAMPLE
    lengths = [_number(row[0]) for row in rows]
    sizes = [_number(row[1]) + _number(row[2]) for row in rows]
    unending = sum(row[3] == -1 and row[4] != b"0" for row in rows)
    return _estimate(lengths, sessions, exact), _estimate(sizes, sessions, exact), unending


def _unpinned(client: Any, keys: Keys, ids: Sequence[Any]) -> int:
    ttls = of_each(client, ids, lambda pipe, sid: pipe.hget(keys.session(sid), "ttl"))
    return sum(ttl != b"0" for (ttl,) in ttls)


def _estimate(values: Sequence[int], sessions: int, exact: bool) -> Estimate:
    if exact or len(values) < 2:
        return Estimate(sum(values), exact=True)
    margin = 1.96 * stdev(values) / math.sqrt(len(values)) * sessions
    return Estimate(round(fmean(values) * sessions), exact=False, margin=round(margin))


def _number(reply: object) -> int:
    return reply if isinstance(reply, int) else 0
