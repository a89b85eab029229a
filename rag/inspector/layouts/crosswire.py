"""The app's own sessions: `chat_history:{<id>}` and the keys beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rag.errors import BadSessionId
from rag.inspector.key_scan import of_each, steps
from rag.inspector.layouts.base import LISTED, Histories, Layout, ListElements, Stored
from rag.inspector.pace import Pace
from rag.inspector.parsing.message_parsers import ours
from rag.sessions import SessionStore
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.listing.directory import Row
from rag.sessions.listing.sweep import own
from rag.sessions.protocol.keys import Keys

FIELDS = ("turns", "trimmed", "quarantined", "ttl", "seen")
_ESCAPED = re.compile("%(25|7B|7D)")
_UNESCAPED = {"25": "%", "7B": "{", "7D": "}"}
_KINDS = "session|turn|queue|alive|quarantine|trace|misplaced"


class Own(Histories):
    def __init__(self, client: Any, layout: Layout, store: SessionStore, target: str) -> None:
        super().__init__(client, layout, store.protocol.keys.prefix, target)
        self.parse = ours(store.protocol.seal)
        self.keys: Keys = store.protocol.keys
        self._directory = store.directory
        space = self.keys.session(SessionId("x")).removesuffix("session:{x}")
        self._name = re.compile(
            rf"(?:{re.escape(self.prefix)}|{re.escape(space)}(?:{_KINDS}):)\{{(?P<tag>[^{{}}]+)\}}(?::\w+)?", re.DOTALL
        )

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        with translated(self.target):
            for found in steps(self.client, pace, pattern="*{*}*"):
                owners = (self.owner(key) for key in found)
                yield len(found), list(dict.fromkeys(owner for owner in owners if owner is not None))

    def owner(self, key: bytes) -> str | None:
        """Whose key this is; None if it is not one of ours."""
        try:
            found = self._name.fullmatch(key.decode())
            return None if found is None else SessionId(_ESCAPED.sub(lambda m: _UNESCAPED[m[1]], found["tag"]))
        except (UnicodeDecodeError, BadSessionId):
            return None

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        sids, step = [SessionId(one) for one in ids], first or pace.step

        def ask(pipe: Any, sid: SessionId) -> None:
            keys = self.keys.of(sid)
            pipe.lrange(keys.history, 0, step - 1)
            pipe.llen(keys.history)
            pipe.hmget(keys.session, *FIELDS)
            for name in keys:
                pipe.pttl(name)

        with translated(self.target):
            replies = pace(of_each, self.client, sids, ask)
            listed = pace(self.client.execute_command, "ZMSCORE", self.keys.live, *sids) if sids else []
        found = []
        for sid, reply, score in zip(sids, replies, listed, strict=True):
            stored = self._stored(sid, reply, pace)
            if stored is not None:
                stored.listed = score is not None
                found.append(stored)
        return found

    def listed(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        cursor, waiting = 0, list[str]()
        with translated(self.target):
            while True:
                cursor, members = pace(self.client.zscan, self.keys.live, cursor, count=pace.step)
                waiting += own(self.client, self.keys, [member for member, _ in members])
                while len(waiting) >= LISTED or (waiting and cursor == 0):
                    part, waiting = waiting[:LISTED], waiting[LISTED:]
                    yield len(part), part
                if cursor == 0:
                    return

    def rows(self, ids: Sequence[str], pace: Pace) -> list[Row]:
        return pace(self._directory.rows, [SessionId(one) for one in ids]) if ids else []

    def lines(self, ids: Sequence[str], pace: Pace) -> list[tuple[str, Iterable[bytes]]]:
        keys = [self.keys.history(SessionId(one)) for one in ids]
        with translated(self.target):
            firsts = pace(of_each, self.client, keys, lambda pipe, key: pipe.lrange(key, 0, pace.step - 1))
        return [
            (one, ListElements(self.client, key, first, math.inf if len(first) == pace.step else len(first), pace))
            for one, key, (first,) in zip(ids, keys, firsts, strict=True)
            if isinstance(first, list)
        ]

    def key_names(self, stored: Stored) -> list[str | bytes]:
        return [*self.names(SessionId(stored.id))]

    def names(self, session_id: SessionId) -> list[str]:
        """Every key that a session of ours can have."""
        return [*self.keys.of(session_id), *self.keys.misplaced(session_id)]

    def _stored(self, sid: SessionId, replies: Sequence[Any], pace: Pace) -> Stored | None:
        first, length, values, *lefts = replies
        keys = self.keys.of(sid)
        left = {name: ms for name, ms in zip(keys, lefts, strict=True) if isinstance(ms, int) and ms != -2}
        if not left:
            return None
        known = ((keys.history, length), (keys.session, values))
        wrong = {name: str(reply) for name, reply in known if isinstance(reply, Exception)}
        lines = ListElements(self.client, keys.history, first, length, pace) if isinstance(first, list) else ()
        session = None
        if isinstance(values, list) and keys.session in left:
            pairs = zip(FIELDS, values, strict=True)
            session = {name: value.decode("utf-8", "replace") for name, value in pairs if value is not None}
        count = length if isinstance(length, int) else 0
        return Stored(sid, lines, count, left, session, wrong)
