"""Takes sessions out of the index whose time to live is over. Safe when several processes do it at once.

Redis deletes a session's keys by itself, but for what others put under their names; of that, and of the index, it is
told only here. The index is believed no further than a hint: a session leaves it when its keys are seen to be gone, and
comes back if they are there again a moment later. The time in it was written by the clock of whoever wrote last, which
may be a little ahead of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rag.errors import BadSessionId
from rag.sessions.ids import SessionId
from rag.sessions.protocol import index_entries
from rag.sessions.protocol.keys import Keys
from rag.sessions.protocol.scripts import ENDED
from rag.sessions.protocol.steps import Command, Steps, pipelined, run

BATCH = 1000
AHEAD = 5.0
"""Seconds by which the clocks of machines may differ, and a session that is over is still not counted."""


def sweep(client: Any, keys: Keys, now: float) -> list[str]:
    """Look at all sessions that should have ended by now. Returns those that did and that nobody else took out."""
    return run(Index(partial(pipelined, client), keys).sweep(now))


def own(client: Any, keys: Keys, members: Sequence[bytes]) -> list[SessionId]:
    """The session ids among these members of the index. Whatever else somebody put there is taken out."""
    return run(Index(partial(pipelined, client), keys).own(members))


def soon(now: float) -> tuple[str, float]:
    """The times to end at, as bounds of a range, that another clock may have meant for now."""
    return f"({now!r}", now + AHEAD


class Index:
    """Of the live sessions."""

    def __init__(self, send: Callable[[Sequence[Command]], Any], keys: Keys) -> None:
        self._send = send
        self._keys = keys

    def sweep(self, now: float) -> Steps[list[str]]:
        """As the function."""
        gone: list[str] = []
        ends = self._keys.ends
        while True:
            (overdue,) = yield self._send([("ZRANGEBYSCORE", ends, "-inf", now, "LIMIT", 0, BATCH)])
            if not overdue:
                break
            sids = yield from self.own(overdue)
            gone += yield from self.settle(sids, now)
        (members,) = yield self._send([("ZRANGEBYSCORE", ends, *soon(now), "LIMIT", 0, BATCH)])
        early = yield from self.own(members)
        left = yield from self._left(early)
        gone += yield from self.settle([sid for sid in early if left[sid] == -2], now)
        return gone

    def own(self, members: Sequence[bytes]) -> Steps[list[SessionId]]:
        """As the function."""
        sids: list[SessionId] = []
        strange: list[Command] = []
        for member in members:
            try:
                sids.append(SessionId(member.decode()))
            except (UnicodeDecodeError, BadSessionId):
                strange += [("ZREM", name, member) for name in (self._keys.live, self._keys.ends)]
        if strange:
            yield self._send(strange)
        return sids

    def settle(self, sids: Sequence[SessionId], now: float) -> Steps[list[str]]:
        """Put the index right for these sessions. Returns those that were in it and are gone."""
        left = yield from self._left(sids, ended=True)
        yield from self._rescored([sid for sid in sids if left[sid] != -2], left, now)
        ended = [sid for sid in sids if left[sid] == -2]
        if not ended:
            return []
        removed = yield self._send([command for sid in ended for command in index_entries.gone(self._keys, sid)])
        back = yield from self._left(ended)
        yield from self._rescored([sid for sid in ended if back[sid] != -2], back, now)
        return [str(sid) for sid, ours in zip(ended, removed[1::3], strict=True) if ours and back[sid] == -2]

    def _left(self, sids: Sequence[SessionId], *, ended: bool = False) -> Steps[dict[SessionId, int]]:
        """ms, as PTTL. ended: of those that have, what is left goes."""
        asked: list[Command] = [("PTTL", self._keys.session(sid)) for sid in sids]
        if ended:
            names = [(*self._keys.of(sid), *self._keys.misplaced(sid)) for sid in sids]
            asked = [("EVAL", ENDED.source, len(one), *one) for one in names]
        found = (yield self._send(asked)) if asked else []
        return dict(zip(sids, found, strict=True))

    def _rescored(self, sids: Sequence[SessionId], left: dict[SessionId, int], now: float) -> Steps[None]:
        keys = self._keys
        commands: list[Command] = []
        for sid in sids:
            # Later than now, or a sweep would see it again and again, and no later than that, or it would outlive
            # itself.
            commands.append(("ZADD", keys.ends, "inf" if left[sid] < 0 else now + max(1, left[sid]) / 1000, sid))
            commands.append(("ZADD", keys.live, "NX", now, sid))
            commands += [("ZADD", keys.find, 0, entry) for entry in index_entries.find_entries(sid).split("\n")]
        if commands:
            yield self._send(commands)
