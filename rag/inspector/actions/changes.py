"""What changes a session. Each act says first what it would hit, is audited with who did it, and can be undone where
its own record holds enough for that.

Only the app's own sessions are ever changed: histories of other formats are refused by the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from rag.errors import CrosswireError
from rag.inspector.actions.exporting import Export, export
from rag.inspector.actions.importing import restore
from rag.inspector.inspector import Inspector
from rag.inspector.layouts.histories import Own
from rag.inspector.views.session import own_keys
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.listing.directory import Row
from rag.sessions.protocol.replies import Quarantined
from rag.sessions.store import read_only

Act = Literal["extend", "pin", "unpin", "expire", "clear", "delete"]
EFFECTS: dict[Act, str] = {
    "extend": "lives this long after each turn, from now on",
    "pin": "is never forgotten",
    "unpin": "gets the usual time to live again",
    "expire": "ends now, as if its time were over",
    "clear": "loses all its messages and goes on empty",
    "delete": "is deleted with everything that is stored of it",
}
ENDING: frozenset[Act] = frozenset({"expire", "clear", "delete"})
LONGEST = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would hit. busy: sessions that are answering a turn right now, which then is not stored."""

    act: Act
    rows: tuple[Row, ...]
    missing: tuple[str, ...]
    messages: int
    bytes: int
    busy: int

    def __str__(self) -> str:
        count = len(self.rows)
        parts = [f"{count} {'session' if count == 1 else 'sessions'}: each {EFFECTS[self.act]}."]
        if self.act in ENDING:
            parts.append(f"That is {self.messages:,} messages, {self.bytes:,} bytes.")
            if self.busy:
                parts.append(f"{self.busy} of them answer a turn right now, which will not be stored.")
        if self.missing:
            parts.append(f"{len(self.missing)} are not there any more.")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Done:
    """ids: which sessions were changed. before: what `undo` needs; it holds the texts of what was deleted."""

    act: Act
    ids: tuple[str, ...]
    own_ttls: dict[str, str | None]
    before: Export | None = None


class Acts:
    """who: as the audit is to call the one who acts."""

    def __init__(self, inspector: Inspector, who: str) -> None:
        if not isinstance(inspector.histories, Own):
            raise read_only(inspector.layout.name)  # type: ignore[arg-type]
        self._inspector = inspector
        self._store = inspector.store
        self._histories = inspector.histories
        self._who = who

    def preview(self, act: Act, ids: Sequence[str]) -> Preview:
        sids = [SessionId(one) for one in dict.fromkeys(ids)]
        rows = tuple(self._store.directory.rows(sids))
        there = {row.info.id for row in rows}
        with translated(self._inspector.target):
            pipe = self._inspector.client.pipeline(transaction=False)
            for sid in sids:
                pipe.exists(self._histories.keys.of(sid).turn)
            busy = sum(pipe.execute()) if sids else 0
        missing = tuple(sid for sid in sids if sid not in there)
        messages, used = sum(row.info.messages for row in rows), sum(row.bytes or 0 for row in rows)
        return Preview(act, rows, missing, messages, used, busy)

    def do(self, act: Act, ids: Sequence[str], seconds: int = 0) -> Done:
        """seconds: to `extend` by. A session that is gone meanwhile is left out."""
        if act == "extend" and not 1 <= seconds <= LONGEST:
            raise CrosswireError(f"Extend by {seconds} seconds: expected 1 to {LONGEST} (a year).")
        sids = [SessionId(one) for one in dict.fromkeys(ids)]
        before = export(self._inspector, sids) if act in ENDING else None
        own_ttls = self._own_ttls(sids)
        done = tuple(sid for sid in sids if self._one(act, sid, seconds))
        return Done(act, done, own_ttls, before)

    def undo(self, done: Done) -> tuple[str, ...]:
        """Which sessions are as they were. One that went on meanwhile is left as it is.

        What was deleted comes back with its messages, but what was in quarantine does not.
        """
        if done.before is not None:
            gone = [one for one in done.before.sessions if one["id"] in done.ids]
            if done.act == "clear":
                self._make_room(gone)
            back = [restore(self._inspector, one, self._who) for one in gone]
            return tuple(sid for sid in back if sid is not None)
        return tuple(sid for sid in done.ids if self._set_ttl(sid, done.own_ttls.get(sid)))

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

    def _one(self, act: Act, sid: SessionId, seconds: int) -> bool:
        match act:
            case "extend":
                return self._store.extend(sid, seconds, self._who)
            case "pin":
                return self._store.pin(sid, self._who)
            case "unpin":
                return self._store.unpin(sid, self._who)
            case "expire":
                return self._store.expire_now(sid, self._who)
            case "clear":
                return self._clear(sid)
            case "delete":
                return self._delete(sid)

    def _make_room(self, cleared: Sequence[dict[str, Any]]) -> None:
        """End those cleared sessions in which nothing was said since."""
        for one in cleared:
            info = self._store.info(one["id"])
            if info is not None and info.turns == 0 and one["messages"]:
                self._store.clear(one["id"], self._who)

    def _clear(self, sid: SessionId) -> bool:
        own = self._own_ttls([sid])[sid]
        there = bool(self._store.directory.rows([sid]))
        if self._store.clear(sid, self._who) or there:
            self._store.touch(sid)
            if own is not None:
                self._set_ttl(sid, own)
            return True
        return False

    def _delete(self, sid: SessionId) -> bool:
        names = own_keys(self._histories, sid)
        with translated(self._inspector.target):
            there = self._inspector.client.exists(*names)
        self._store.clear(sid, self._who)
        with translated(self._inspector.target):
            self._inspector.client.unlink(*names)
        if there:
            self._store.audit.add("delete", sid, self._who)
        return bool(there)

    def _own_ttls(self, sids: Sequence[SessionId]) -> dict[str, str | None]:
        with translated(self._inspector.target):
            pipe = self._inspector.client.pipeline(transaction=False)
            for sid in sids:
                pipe.hget(self._histories.keys.session(sid), "ttl")
            replies: list[Any] = pipe.execute(raise_on_error=False) if sids else []
        return {
            sid: reply.decode() if isinstance(reply, bytes) else None for sid, reply in zip(sids, replies, strict=True)
        }

    def _set_ttl(self, sid: str, own: str | None) -> bool:
        if own is None:
            return self._store.unpin(sid, self._who)
        with suppress(ValueError):
            seconds = int(own)
            return self._store.extend(sid, seconds, self._who) if seconds else self._store.pin(sid, self._who)
        return False
