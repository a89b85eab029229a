"""What is written about a session outside of its own keys: live index, search entries, audit.

Scripts write it with the session. On a cluster, where it is on other slots, the same is written from here.
"""

from __future__ import annotations

from rag.sessions.ids import SessionId
from rag.sessions.names import friendly_name
from rag.sessions.protocol.keys import Keys
from rag.sessions.protocol.scripts import AUDIT_ENTRIES
from rag.sessions.protocol.steps import Command

EVERY = 2.0
"""Seconds within which a session that talks is written into a cluster's index once. Each of its keys is on one master,
which would have a command of every turn of all the others. The sweep allows for more than that."""
_MOST = 10_000


class Recent:
    """Which sessions a process has written into the index a moment ago. Thread-safe."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._at: dict[str, float] = {}

    def due(self, sid: SessionId, now: float, *, new: bool) -> bool:
        """Whether it is to be written now, in epoch seconds, whose clock may be set back; it counts as written then."""
        if not new and abs(now - self._at.get(sid, -self._every)) < self._every:
            return False
        if len(self._at) >= _MOST:
            self.drop(now)
        self._at[sid] = now
        return True

    def forget(self, sid: SessionId) -> None:
        self._at.pop(sid, None)

    def drop(self, now: float) -> None:
        """Those that are due in any case."""
        self._at = {one: at for one, at in [*self._at.items()] if abs(now - at) < self._every}

    def known(self) -> list[str]:
        return [*self._at]


def find_entries(sid: SessionId) -> str:
    """Under what a session is found, a line each: its id, its name, and the last word of its name."""
    name = friendly_name(sid).lower()
    return "\n".join([f"id:{sid}", f"name:{name}\0{sid}", f"name:{name.split()[-1]}\0{sid}"])


def seen(keys: Keys, sid: SessionId, now: float, ttl: int, *, new: bool) -> list[Command]:
    """ttl: in seconds, 0 for ever. One that is not known exactly is put right by the sweep."""
    ends: str | float = "inf" if ttl == 0 else now + ttl
    entries = find_entries(sid).split("\n") if new else []
    return [
        ("ZADD", keys.live, now, sid),
        ("ZADD", keys.ends, ends, sid),
        *(("ZADD", keys.find, 0, entry) for entry in entries),
    ]


def gone(keys: Keys, sid: SessionId) -> list[Command]:
    entries = find_entries(sid).split("\n")
    return [("ZREM", keys.live, sid), ("ZREM", keys.ends, sid), ("ZREM", keys.find, *entries)]


def audited(keys: Keys, sid: str, what: str, who: str, **more: str) -> Command:
    extra = [part for pair in more.items() for part in pair]
    entry = ("what", what, "session", sid, "who", who, *extra)
    return ("XADD", keys.audit, "MAXLEN", "~", AUDIT_ENTRIES, "*", *entry)


def quarantined(keys: Keys, sid: SessionId, reason: str) -> list[Command]:
    counts = ["quarantined", *(["crosstalk"] if reason == "foreign" else [])]
    return [
        audited(keys, sid, "quarantine", "session", reason=reason),
        *(("HINCRBY", keys.counts, name, 1) for name in counts),
    ]
