"""What changes a session. Each change says first what it affects, is logged with who made it, and can be undone where
its own record holds enough for that.

Only the app's own sessions are ever changed: histories of other formats are refused by the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from rag.errors import CrosswireError
from rag.inspector.actions.exporting import Export, export
from rag.inspector.actions.importing import own_histories, restore
from rag.inspector.inspector import Inspector
from rag.inspector.key_scan import of_each
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.listing.directory import Row
from rag.sessions.protocol.replies import Quarantined
from rag.sessions.protocol.scripts import TRACES

Change = Literal["extend", "pin", "unpin", "expire", "clear", "delete"]
EFFECTS: dict[Change, str] = {
    "extend": "This changes how long {these} last after each turn.",
    "pin": "This keeps {these} until somebody unpins {them}.",
    "unpin": "This gives {these} the default lifetime again.",
    "expire": "This ends {these} now.",
    "clear": "This deletes all messages and documents of {these}.",
    "delete": "This deletes {these} and everything stored for {them}.",
}
ENDING: frozenset[Change] = frozenset({"expire", "clear", "delete"})
LONGEST = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would affect. busy: sessions that are answering a turn right now, which then is not stored."""

    change: Change
    rows: tuple[Row, ...]
    missing: tuple[str, ...]
    messages: int
    bytes: int
    busy: int

    def __str__(self) -> str:
        one = len(self.rows) == 1
        these = "1 session" if one else f"{len(self.rows):,} sessions"
        parts = [EFFECTS[self.change].format(these=these, them="it" if one else "them")]
        if self.change in ENDING:
            parts.append(f"That is {self.messages:,} messages, {self.bytes:,} bytes.")
            if self.busy:
                parts.append(
                    f"{self.busy} of them {'is' if self.busy == 1 else 'are'} answering: that turn is dropped."
                )
        if self.missing:
            parts.append(f"{len(self.missing)} no longer {'exists' if len(self.missing) == 1 else 'exist'}.")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Done:
    """ids: which sessions were changed. before, traces: what `undo` needs; they hold the texts of what was deleted."""

    change: Change
    ids: tuple[str, ...]
    own_ttls: dict[str, str | None]
    before: Export | None = None
    traces: dict[str, list[bytes]] = field(default_factory=dict)


class Changes:
    """who: as the log is to name the one who makes them."""

    def __init__(self, inspector: Inspector, who: str) -> None:
        self._histories = own_histories(inspector)
        self._inspector = inspector
        self._store = inspector.store
        self._who = who

    def preview(self, change: Change, ids: Sequence[str]) -> Preview:
        sids = _distinct(ids)
        rows = tuple(self._store.directory.rows(sids))
        there = {row.info.id for row in rows}
        busy = sum(self._of_each(sids, lambda pipe, sid: pipe.exists(self._histories.keys.of(sid).turn)))
        missing = tuple(sid for sid in sids if sid not in there)
        messages, used = sum(row.info.messages for row in rows), sum(row.bytes or 0 for row in rows)
        return Preview(change, rows, missing, messages, used, busy)

    def do(self, change: Change, ids: Sequence[str], seconds: int = 0) -> Done:
        """seconds: to `extend` by. A session that is gone meanwhile is left out."""
        if change == "extend" and not 1 <= seconds <= LONGEST:
            raise CrosswireError(f"Extend by {seconds} seconds: expected 1 to {LONGEST} (a year).")
        sids, store, who = _distinct(ids), self._store, self._who
        how: dict[Change, Callable[[SessionId], bool]] = {
            "extend": lambda sid: store.extend(sid, seconds, who),
            "pin": lambda sid: store.pin(sid, who),
            "unpin": lambda sid: store.unpin(sid, who),
            "expire": lambda sid: store.expire_now(sid, who),
            "clear": self._clear,
            "delete": self._delete,
        }
        before = export(self._inspector, sids) if change in ENDING else None
        traces = self._traces(sids) if change in ENDING else {}
        own_ttls = self._own_ttls(sids)
        return Done(change, tuple(sid for sid in sids if how[change](sid)), own_ttls, before, traces)

    def undo(self, done: Done) -> tuple[str, ...]:
        """Which sessions are as they were. One that went on meanwhile is left as it is.

        What was deleted comes back with its messages and traces, but what was in quarantine does not.
        """
        if done.before is None:
            return tuple(sid for sid in done.ids if self._set_ttl(sid, done.own_ttls.get(sid)))
        gone = [one for one in done.before.sessions if one["id"] in done.ids]
        if done.change == "clear":
            self._make_room(gone)
        back = (restore(self._inspector, one, self._who, done.traces.get(one["id"], ())) for one in gone)
        return tuple(filter(None, back))

    def remove_quarantined(self, session_id: str, one: Quarantined) -> bool:
        """Forget one element that was put aside; False if it is not there any more."""
        sid = SessionId(session_id)
        key = self._histories.keys.of(sid).quarantine
        with translated(self._inspector.target):
            stored: list[bytes] = self._inspector.client.lrange(key, 0, -1)
            wanted = next((line for line in stored if self._store.protocol.quarantined([line]) == [one]), None)
            removed = wanted is not None and int(self._inspector.client.lrem(key, 1, wanted)) > 0
        if removed:
            self._store.audit.add("remove quarantined", sid, self._who, reason=one.reason)
        return removed

    def _make_room(self, cleared: Iterable[dict[str, Any]]) -> None:
        """End those cleared sessions in which nothing was said since."""
        for one in cleared:
            info = self._store.info(one["id"])
            if info is not None and info.turns == 0 and one["messages"]:
                self._store.clear(one["id"], self._who)

    def _clear(self, sid: SessionId) -> bool:
        own = self._own_ttls([sid])[sid]
        there = bool(self._store.directory.rows([sid]))
        if not self._store.clear(sid, self._who) and not there:
            return False
        self._store.touch(sid)
        if own is not None:
            self._set_ttl(sid, own)
        return True

    def _delete(self, sid: SessionId) -> bool:
        names = self._histories.names(sid)
        with translated(self._inspector.target):
            there = self._inspector.client.exists(*names)
        self._store.clear(sid, self._who)
        with translated(self._inspector.target):
            self._inspector.client.unlink(*names)
        if there:
            self._store.audit.add("delete", sid, self._who)
        return bool(there)

    def _own_ttls(self, sids: Sequence[SessionId]) -> dict[str, str | None]:
        session = self._histories.keys.session
        replies = self._of_each(sids, lambda pipe, sid: pipe.hget(session(sid), "ttl"))
        texts = (reply.decode() if isinstance(reply, bytes) else None for reply in replies)
        return dict(zip(sids, texts, strict=True))

    def _traces(self, sids: Sequence[SessionId]) -> dict[str, list[bytes]]:
        of = self._histories.keys.of
        replies = self._of_each(sids, lambda pipe, sid: pipe.lrange(of(sid).trace, 0, TRACES - 1))
        return {sid: reply for sid, reply in zip(sids, replies, strict=True) if isinstance(reply, list)}

    def _of_each(self, sids: Sequence[SessionId], command: Callable[[Any, SessionId], object]) -> list[Any]:
        with translated(self._inspector.target):
            return [reply for (reply,) in of_each(self._inspector.client, sids, command)]

    def _set_ttl(self, sid: str, own: str | None) -> bool:
        if own is None:
            return self._store.unpin(sid, self._who)
        with suppress(ValueError):
            seconds = int(own)
            return self._store.extend(sid, seconds, self._who) if seconds else self._store.pin(sid, self._who)
        return False


def _distinct(ids: Sequence[str]) -> list[SessionId]:
    return [SessionId(one) for one in dict.fromkeys(ids)]
