"""Which of a browser's cookies still count: since the last change of session, those of a later generation.

| key              | type   | holds                                                            |
|------------------|--------|------------------------------------------------------------------|
| `cookies:<name>` | String | the first generation that counts; as long as an older one lives  |

One key a browser, however often it changes, and none for one that never did. The name is a hash of its secret.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rag.errors import NewerCookie
from rag.sessions.connection.errors import WrongType
from rag.sessions.protocol.keys import Keys
from rag.sessions.protocol.steps import Awaiting, Blocking, Command, Steps, operation

RAISE = """
-- KEYS: a browser's. ARGV: the first generation that counts, seconds to keep that. It is never lowered.
-- What a later version wrote there fails at math.max and is left; a key of another type is replaced.
local stored = redis.pcall('GET', KEYS[1])
local known = type(stored) == 'table' and 0 or tonumber(stored or 0)
return redis.call('SET', KEYS[1], math.max(known, tonumber(ARGV[1])), 'EX', ARGV[2])
"""
_NONE_COUNTS = 1 << 53


class Credential(NamedTuple):
    """Who asks for a turn: a browser, by a cookie of this generation. Once that is ended, no turn begins for it."""

    browser: str
    generation: int


def generation(stored: bytes | None) -> int:
    """The first one that counts. Raises NewerCookie for what a later version wrote."""
    if stored is not None and not stored.isdigit():
        raise NewerCookie
    return int(stored or 0)


class _Generations:
    def __init__(self, send: Callable[[Sequence[Command]], Any], keys: Keys) -> None:
        self._send = send
        self._keys = keys

    @operation
    def first(self, browser: str) -> Steps[int]:
        """The oldest generation of this browser's cookies that counts, from 0. Raises NewerCookie.

        Where something else is stored nobody knows, so none counts: the browser begins anew.
        """
        try:
            (found,) = yield self._send([("GET", self._keys.cookies(browser))])
        except WrongType:
            return _NONE_COUNTS
        return generation(found)

    @operation
    def end(self, browser: str, before: int, seconds: int) -> Steps[None]:
        """From now on, and for every process, no cookie of a generation before this one counts.

        seconds: after which the last of them is too old in any case.
        """
        yield self._send([("EVAL", RAISE, 1, self._keys.cookies(browser), before, seconds)])


class Revocations(_Generations, Blocking):
    """Made by `SessionStore.revocations`."""


class AsyncRevocations(_Generations, Awaiting):
    """Made by `AsyncSessionStore.revocations`: its methods are to be awaited."""
