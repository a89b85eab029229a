"""What Redis says when something is wrong, in our words. Nothing of redis-py leaves this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from rag.errors import CrosswireError, SessionStoreUnavailable, StoreFull
from rag.sessions.connection.reasons import FAILURES, reason


class WrongType(CrosswireError):
    """A key of this session holds something else."""


def error_of(exc: Exception, target: str) -> CrosswireError:
    """SessionStoreUnavailable or StoreFull in place of one of redis-py's errors. `target`: the address to show."""
    text = str(exc)
    if isinstance(exc, redis.exceptions.OutOfMemoryError) or "OOM" in text:
        return StoreFull()
    if text.startswith("MISCONF"):
        todo = "Free some space there and try again; nothing has to be restarted."
        return SessionStoreUnavailable(target, reason(exc), todo, "written")
    if "WRONGTYPE" in text:
        return WrongType(
            "A key of this session holds something that the store did not write. "
            "Try again; if that does not help, clear the session."
        )
    if isinstance(exc, redis.exceptions.ResponseError):
        return SessionStoreUnavailable(
            target, reason(exc), "Check what its administrator allows, then try again.", "used"
        )
    return SessionStoreUnavailable(target, reason(exc), "Check that it runs, then try again.")


@contextmanager
def translated(target: str) -> Iterator[None]:
    """Raises SessionStoreUnavailable or StoreFull in place of redis-py's errors."""
    try:
        yield
    except FAILURES as exc:
        raise error_of(exc, target) from exc
