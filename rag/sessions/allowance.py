"""How much somebody may still do: token buckets in Redis, whose clock is the server's.

| key                     | type   | holds                                                                            |
|-------------------------|--------|----------------------------------------------------------------------------------|
| `limit:{<whose>}:<name>`| String | when the bucket will be full again (µs since 1970); no longer than until then    |

All buckets of an allowance are in one slot of a cluster, so one script takes a token out of each or out of none: who is
refused by one of them does not use up the other one's. (The generic cell rate algorithm, ITU-T I.371, as
https://brandur.org/rate-limiting explains it.)

No library was found that does this: throttled-py, limits and pyrate-limiter ask for one bucket at a time, in a round
trip of their own; the latter two keep no bucket but every moment, and go by the client's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rag.errors import OverLimit


class Bucket(NamedTuple):
    """It holds `most` tokens, and gets one every so many microseconds. reason: of who finds it empty (`LIMITS`)."""

    name: str
    reason: str
    every: int
    most: int


def _nothing(*_: object) -> None:
    """Nobody wants to know."""


class Allowance(NamedTuple):
    """One token of each bucket. whose: not to be told from a key, so it is a hash; without braces.

    first: of these, too, where it is a session's first turn that is charged. found_empty: is called with a bucket, and
    the seconds for which nobody gets anything out of it.
    """

    whose: str
    buckets: tuple[Bucket, ...]
    first: tuple[Bucket, ...] = ()
    found_empty: Callable[[Bucket, float], object] = _nothing


def granted(allowance: Allowance | None, empty: int, microseconds: int) -> None:
    """What the scripts say. empty: the number of the bucket that has no token, from 1; 0: none. Raises OverLimit."""
    if empty and allowance is not None:
        bucket, seconds = (*allowance.buckets, *allowance.first)[empty - 1], microseconds / 1e6
        allowance.found_empty(bucket, seconds)
        raise OverLimit(bucket.reason, seconds)
