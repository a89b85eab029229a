"""What went wrong with Redis, in the few words that a user can act on. No password ever appears in them.

Nothing of redis-py leaves this package: its errors are translated here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
)

from rag.errors import CrosswireError, SessionStoreUnavailable, StoreFull

# RedisClusterException is no RedisError.
FAILURES = (RedisError, RedisClusterException, OSError)
"""All that a command on a client of `connect` may raise because of the server or the way to it."""

_PHRASES: tuple[tuple[type[Exception], tuple[str, ...], str], ...] = (
    (AuthenticationError, ("NOAUTH", "WRONGPASS"), "it does not accept this user name and password"),
    (NoPermissionError, (), "this user has no permission for what the store needs"),
    (BusyLoadingError, (), "it is still loading its data"),
    (TimeoutError, (), "it does not answer in time"),
    (InvalidResponse, ("Protocol error", "Bad response"), "what answers there is not Redis"),
)
"""What an error of this kind, or one that says this, means."""


def reason(error: Exception) -> str:
    """One phrase without a full stop, for SessionStoreUnavailable."""
    text = " ".join(str(error).split()).rstrip(".")
    for kind, signs, phrase in _PHRASES:
        if isinstance(error, kind) or any(sign in text for sign in signs):
            return phrase
    if text.startswith("MISCONF"):
        # For an append-only file it says why; for a snapshot it has three sentences on its configuration.
        why = text.partition("file: ")[2].partition(" script:")[0].rstrip(".")
        return f"it cannot write to its disk: {why[:1].lower()}{why[1:]}" if why else "it cannot write to its disk"
    if isinstance(error, ResponseError) and "DB index" in text:
        return "it has no database of that number"
    if isinstance(error, ConnectionError | RedisClusterException):
        return _connection(text)
    return text or type(error).__name__


def _connection(text: str) -> str:
    if text.startswith("No master found"):
        # redis-py goes on with the whole configuration of the sentinels that it asked in vain.
        name = text.split("'")[1]
        return f"no sentinel answers that knows a working master {name!r}"
    if "Connection closed by server" in text or "Connection reset" in text:
        return "it closes the connection; is that Redis, and does it expect TLS?"
    if found := re.search(r"\[SSL[^][]*\] ([^(]+)", text):
        return f"TLS: {found[1].strip()}"
    if found := re.search(r"Error (\d+) connecting to [^ ]+", text):
        return os.strerror(int(found[1])).lower()
    if found := re.search(r"Error -?\d+ connecting to [^ ]+\. (.+)", text):
        return found[1]
    return text


class WrongType(CrosswireError):
    """A key of this session holds something else."""


def error_of(exc: Exception, target: str) -> CrosswireError:
    """SessionStoreUnavailable or StoreFull in place of one of redis-py's errors. `target`: the address to show."""
    text = str(exc)
    if isinstance(exc, OutOfMemoryError) or "OOM" in text:
        return StoreFull()
    if text.startswith("MISCONF"):
        todo = "Free some space there and try again; nothing has to be restarted."
        return SessionStoreUnavailable(target, reason(exc), todo, "written")
    if "WRONGTYPE" in text:
        return WrongType(
            "A key of this session holds something that the store did not write. "
            "Try again; if that does not help, clear the session."
        )
    if isinstance(exc, ResponseError):
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
