"""Takes sessions out of the index whose time to live is over. Safe when several processes do it at once.

Redis deletes a session's keys by itself; the index is told only here. It is believed no further than a hint: a session
leaves it when its keys are seen to be gone, and comes back if they are there again a moment later. The time in it was
written by the clock of whoever wrote last, which may be a little ahead of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.errors import BadSessionId
from rag.sessions import index
from rag.sessions.ids import SessionId
from rag.sessions.keys import Keys

BATCH = 1000
AHEAD = 5.0
"""Seconds by which the clocks of machines may differ, and a session that is over is still not counted."""


def sweep(client: Any, keys: Keys, now: float) -> list[str]:
    """Look at all sessions that should have ended by now. Returns those that did and that nobody else took out."""
    gone: list[str] = []
    while overdue := client.zrangebyscore(keys.ends, "-inf", now, start=0, num=BATCH):
        gone += settle(client, keys, own(client, keys, overdue), now)
    if early := own(client, keys, client.zrangebyscore(keys.ends, *soon(now), start=0, num=BATCH)):
        left = _left(client, keys, early)
        gone += settle(client, keys, [sid for sid in early if left[sid] == -2], now)
    return gone


def soon(now: float) -> tuple[str, float]:
    """The times to end at, as bounds of a range, that another clock may have meant for now."""
    return f"({now!r}", now + AHEAD


def own(client: Any, keys: Keys, members: Sequence[bytes]) -> list[SessionId]:
    """The session ids among these members of the index. Whatever else somebody put there is taken out."""
    sids = []
    for member in members:
        try:
            sids.append(SessionId(member.decode()))
        except (UnicodeDecodeError, BadSessionId):
            for name in (keys.live, keys.ends):
                client.zrem(name, member)
    return sids


def settle(client: Any, keys: Keys, sids: list[SessionId], now: float) -> list[str]:
    """Put the index right for these sessions. Returns those that were in it and are gone."""
    if not sids:
        return []
    left = _left(client, keys, sids)
    _rescore(client, keys, [sid for sid in sids if left[sid] != -2], left, now)
    ended = [sid for sid in sids if left[sid] == -2]
    if not ended:
        return []
    pipe = client.pipeline(transaction=False)
    for sid in ended:
        for command in index.gone(keys, sid):
            pipe.execute_command(*command)
    removed = pipe.execute()[1::3]
    back = _left(client, keys, ended)
    _rescore(client, keys, [sid for sid in ended if back[sid] != -2], back, now)
    return [str(sid) for sid, ours in zip(ended, removed, strict=True) if ours and back[sid] == -2]


def _left(client: Any, keys: Keys, sids: list[SessionId]) -> dict[SessionId, int]:
    pipe = client.pipeline(transaction=False)
    for sid in sids:
        pipe.pttl(keys.session(sid))
    return dict(zip(sids, pipe.execute(), strict=True))


def _rescore(client: Any, keys: Keys, sids: list[SessionId], left: dict[SessionId, int], now: float) -> None:
    if not sids:
        return
    pipe = client.pipeline(transaction=False)
    for sid in sids:
        # Later than now, or a sweep would see it again and again, and no later than that, or it would outlive itself.
        pipe.zadd(keys.ends, {sid: "inf" if left[sid] < 0 else now + max(1, left[sid]) / 1000})
        pipe.zadd(keys.live, {sid: now}, nx=True)
        for entry in index.find_entries(sid).split("\n"):
            pipe.zadd(keys.find, {entry: 0})
    pipe.execute()
