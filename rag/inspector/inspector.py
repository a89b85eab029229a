"""What pages and commands call. It only reads; everything that changes something is in `actions`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

from rag.errors import BadSessionId, CrosswireError
from rag.inspector.layouts.base import Histories, Layout
from rag.inspector.layouts.crosswire import Own
from rag.inspector.layouts.recognised import Recognised
from rag.inspector.layouts.registry import CROSSWIRE, named
from rag.inspector.layouts.together import AUTO
from rag.inspector.pace import Pace, Progress
from rag.inspector.turns.model import Texts, Turn
from rag.inspector.turns.paired import paired
from rag.inspector.views import overview as counting
from rag.inspector.views import session as view
from rag.inspector.views import session_table as table
from rag.inspector.views.overview import Overview
from rag.inspector.views.session import View
from rag.inspector.views.session_table import Filter, Found
from rag.sessions import SessionStore
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.listing.directory import Order as Indexed
from rag.sessions.listing.directory import Page, Row

SAMPLE = 5000
"""Keys of others that a page looks at."""
NEWEST = 4000
"""Elements of one session that a view holds at most."""


class Inspector:
    """Thread-safe. layout: whose histories; prefix: what their keys begin with, if not as usual."""

    def __init__(
        self, client: Any, store: SessionStore, layout: Layout = CROSSWIRE, prefix: str | None = None, target: str = ""
    ) -> None:
        self.client = client
        self.store = store
        self.layout = layout
        self.target = target or "REDIS_URL"
        self.histories: Histories
        if layout is AUTO:
            self.histories = Recognised(client, store, prefix, self.target)
        elif layout.reader is None:
            self.histories = Own(client, layout, store, self.target)
        else:
            self.histories = layout.reader(client, layout, layout.prefix if prefix is None else prefix, self.target)

    @property
    def now(self) -> float:
        return self.store.protocol.now()

    # --- all of them

    def overview(self) -> Overview:
        """Only for the app's own sessions: other formats keep no index that could be asked."""
        if not self.layout.ours:
            raise CrosswireError(
                "The overview needs an index, which only the format 'crosswire' keeps: list or scan the sessions."
            )
        return counting.overview(self.client, self.store.protocol.keys, self.target, self.now)

    def page(self, start: int = 0, count: int = 50, order: Indexed = "newest") -> Page:
        """A page of the index. Of other formats, the first sessions that SCAN finds, in its order.

        Of all that are recognised, those among the first 5000 keys: see `sample`.
        """
        if self.layout.ours:
            return self.store.directory.page(start, count, order)
        rows: list[Row] = []
        pace = Pace()
        every = self.histories
        for _, ids in every.sampled(pace, SAMPLE) if isinstance(every, Recognised) else every.listed(pace):
            rows += self.histories.rows(ids, pace)
            if len(rows) > start + count:
                break
        return Page(tuple(rows[start : start + count]), start, len(rows))

    def sample(self) -> tuple[int, int] | None:
        """How many keys the last page looked at, of how many; None if it looked at all, or needs no look."""
        looked, total = self.histories.seen.keys, self.histories.total()
        return (looked, total) if isinstance(self.histories, Recognised) and looked < total else None

    def find(self, text: str, limit: int = 50) -> list[Row]:
        """By the beginning of the id, or of the name. Of other formats, by the whole id."""
        if self.layout.ours:
            return self.store.directory.find(text, limit)
        return self.histories.rows([text], Pace()) if text else []

    def search(
        self,
        wanted: Filter,
        order: table.Order = "seen",
        limit: int = table.LIMIT,
        pace: Pace | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Found:
        """Look at every session, once, in small steps. `pace.stop` ends it early."""
        total = self.store.directory.count() if self.layout.ours else self.histories.total()
        return table.search(self.histories, wanted, self.now, total, order, limit, pace or Pace(), progress)

    # --- one of them

    def resolve(self, text: str) -> str:
        """The id that was meant: itself, or the only one that begins so or bears that name. Raises CrosswireError."""
        with suppress(BadSessionId):
            if self.histories.read([text], Pace()):
                return text
        rows = self.find(text, 3)
        if len(rows) == 1:
            return rows[0].info.id
        problem = "matches several sessions" if rows else "no such session"
        raise CrosswireError(f"{text[:60]!r}: {problem}. Give a session's id, the beginning of its id, or its name.")

    def row(self, session_id: str) -> Row | None:
        rows = self.histories.rows([session_id], Pace())
        return rows[0] if rows else None

    def view(self, session_id: str, newest: int = NEWEST) -> View | None:
        """None if there is no such session."""
        stored = self.histories.read([session_id], Pace(share=1.0, step=10_000))
        if not stored:
            return None
        before = max(0, stored[0].length - newest)
        lines = islice(iter(stored[0].elements), before, None)
        parsed = view.elements(lines, self.histories.parse, session_id, before)
        names = self.histories.key_names(stored[0])
        fields = self.fields(session_id) if self.layout.ours else {}
        return View(session_id, parsed, before, view.facts(self.client, self.target, names[:100]), fields)

    def turns(self, seen: View, texts: Texts) -> list[Turn]:
        """What a view holds, as turns, oldest first: with their traces, where they have them."""
        if not self.layout.ours:
            return paired(seen.elements)
        from rag.inspector.turns.own import own_turns  # it needs the chat, which takes its time to load

        return own_turns(self.store, seen.id, seen.elements, texts)

    def fields(self, session_id: str) -> dict[str, str]:
        """The hash of a session of ours, as it is stored."""
        name = self.store.protocol.keys.session(SessionId(session_id))
        with translated(self.target):
            found = self.client.hgetall(name) if self.client.type(name) == b"hash" else {}
        return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in found.items()}

    # --- whose they are

    def of(self, name: str, prefix: str | None = None) -> Inspector:
        """The same for another format; `auto`: for all that are recognised."""
        layout = AUTO if name == AUTO.name else named(name)
        return Inspector(self.client, self.store, layout, prefix, self.target)
