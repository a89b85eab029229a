"""What Redis says when something is wrong, in our words. Nothing of redis-py leaves this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from rag.errors import SessionStoreUnavailable, StoreFull
from rag.sessions.reasons import FAILURES, reason


@contextmanager
def translated(target: str) -> Iterator[None]:
    """Raises SessionStoreUnavailable or StoreFull in place of redis-py's errors. `target`: the address to show."""
    try:
        yield
    except redis.exceptions.OutOfMemoryError as exc:
        raise StoreFull from exc
    except redis.exceptions.ResponseError as exc:
        if "OOM" in str(exc):
            raise StoreFull from exc
        raise SessionStoreUnavailable(target, str(exc), "Check what its administrator allows, then try again.") from exc
    except FAILURES as exc:
        raise SessionStoreUnavailable(target, reason(exc), "Check that it runs, then try again.") from exc
