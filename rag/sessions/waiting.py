"""How a turn that waits for another one of its session learns that it is next.

Whoever ends a turn is told by the server who comes next. In the same process that one is woken directly; in another, by
a message on the channel of its store. Both only save time: a waiter asks by itself as well, sooner the nearer it is.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rag.sessions.connect import Client

_STEP, _LONGEST = 0.015, 0.4
_IDLE = 1.0


def pause(before: int) -> float:
    """Seconds until a waiter with so many before it asks again."""
    return min(_STEP * (before + 1), _LONGEST) * random.uniform(0.8, 1.2)  # noqa: S311 (not a secret)


class Waiters:
    """The waiting turns of one store. Holds tokens only."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._channel = f"turns:{name}"
        self._waiting: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._listener: threading.Thread | None = None

    @contextmanager
    def waiting(self, token: str) -> Iterator[threading.Event]:
        woken = threading.Event()
        with self._lock:
            self._waiting[token] = woken
            if self._listener is None or not self._listener.is_alive():
                self._listener = threading.Thread(target=self._listen, name="turn-waiters", daemon=True)
                self._listener.start()
        try:
            yield woken
        finally:
            with self._lock:
                del self._waiting[token]

    def wake(self, token: str) -> None:
        """Does nothing if this one does not wait here."""
        if token and (woken := self._waiting.get(token)):
            woken.set()

    def _listen(self) -> None:
        # A server that is away, an account that may not subscribe, a client that was closed, for which redis-py raises
        # what it happens to: then asking by itself has to do.
        with contextlib.suppress(Exception), contextlib.closing(self._client.pubsub()) as channel:
            channel.subscribe(self._channel)
            while self._anyone():
                message: dict[str, Any] | None = channel.get_message(timeout=_IDLE)
                if message is not None and message["type"] == "message":
                    self.wake(message["data"].decode())

    def _anyone(self) -> bool:
        with self._lock:
            if not self._waiting:
                self._listener = None
            return bool(self._waiting)
