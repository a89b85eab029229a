"""What happens to sessions, as it happens: they begin, go on, and end. Polls the index; costs one page a look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Literal

from rag.errors import CrosswireError
from rag.inspector.inspector import Inspector
from rag.inspector.layouts.crosswire import Own
from rag.sessions.connection.errors import translated
from rag.sessions.listing.sweep import own
from rag.sessions.names import friendly_name

KNOWN = 500
"""Sessions whose end is waited for: of the newest and of those that end first, so many each."""
A_LOOK = 1000


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
    since = max(known.values(), default=0.0)
    until = time.monotonic() + seconds
    while not stop.wait(min(interval, max(0.0, until - time.monotonic()))):
        for news in _look(inspector, known, since):
            since = max(since, known.get(news.session, since))
            yield news
        if time.monotonic() >= until:
            return


def _look(inspector: Inspector, known: dict[str, float], since: float) -> Iterator[News]:
    keys = inspector.store.protocol.keys
    with translated(inspector.target):
        found = inspector.client.zrange(keys.live, since, "+inf", byscore=True, offset=0, num=A_LOOK)
        ids = own(inspector.client, keys, found)
    for row in inspector.store.directory.rows(ids):
        info = row.info
        if known.get(info.id, 0.0) >= info.last_seen:
            continue
        begins = info.id not in known
        known[info.id] = info.last_seen
        detail = f"turn {info.turns}, {info.messages} messages"
        yield News(info.last_seen, "begins" if begins else "turn", info.id, row.name, detail)
    watched = list(known)
    for gone in set(watched) - inspector.store.live(watched):
        del known[gone]
        yield News(inspector.now, "ends", gone, friendly_name(gone), "")
    for extra in watched[: max(0, len(known) - 4 * KNOWN)]:
        known.pop(extra, None)
