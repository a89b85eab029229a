"""Sends turns from a thread of its own: whoever hands one over waits for nothing, and is never told of trouble.

What cannot be sent in time is dropped, oldest first, and counted.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from urllib.request import Request, urlopen

from rag.sessions.fork import reset_in_children

LOG = logging.getLogger(__name__)
MOST_WAITING = 1000
BATCH = 50
LONGEST_PAUSE = 30.0
"""Seconds between two tries while the other side does not answer."""
TIMEOUT = 5.0
Turn = tuple[str, dict[str, Any]]
"""A conversation's id, and its turn as OTLP JSON."""
Deliver = Callable[[Sequence[Turn]], None]
"""Sends some turns. It may raise, and is then asked again."""


class Sender:
    """Thread-safe. dropped: turns that were never sent. A forked child begins with nothing to send."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self.dropped = 0
        self._waiting: deque[Turn] = deque()
        self._sending = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, turn: Turn) -> None:
        with self._changed:
            if self._closed:
                self.dropped += 1
                return
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(turn)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="crosswire-trace", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all is sent, for so long at most. True if it is."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._waiting or self._sending:
                if (left := until - time.monotonic()) <= 0:
                    return False
                self._changed.wait(left)
            return True

    def close(self, seconds: float = 5.0) -> bool:
        """As `flush`; nothing is taken any more."""
        done = self.flush(seconds)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        return done

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    self.dropped += len(self._waiting)
                    return
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._sending = len(batch)
            try:
                self._deliver(batch)
                pause = 0.0
                failed = False
            except Exception as exc:  # whatever it is, the application does not hear of it
                LOG.warning("Turns could not be sent to be looked at (%s): tried again later", type(exc).__name__)
                failed, pause = True, min(LONGEST_PAUSE, 2 * pause or 0.5)
            with self._changed:
                self._sending = 0
                if failed:
                    room = max(0, MOST_WAITING - len(self._waiting))
                    self.dropped += max(0, len(batch) - room)
                    self._waiting.extendleft(reversed(batch[len(batch) - min(room, len(batch)) :]))
                self._changed.notify_all()
                if failed and not self._closed:
                    self._changed.wait_for(lambda: self._closed, pause)


def to_server(url: str, token: str) -> Deliver:
    """A Crosswire server's `/v1/traces`, or any other receiver of OTLP/HTTP in JSON. url: its base or whole address."""
    address = url if url.rstrip("/").endswith("/v1/traces") else f"{url.rstrip('/')}/v1/traces"
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}

    def deliver(turns: Sequence[Turn]) -> None:
        groups = [group for _, turn in turns for group in turn["resourceSpans"]]
        body = json.dumps({"resourceSpans": groups}).encode("utf-8", "replace")
        # The address is the developer's own, checked to be http or https where it was given.
        with urlopen(Request(address, body, headers), timeout=TIMEOUT) as answer:  # noqa: S310
            answer.read(1000)

    return deliver


def to_redis(client: Any, ttl: int) -> Deliver:
    from rag.tracing.store import TraceStore

    store = TraceStore(client, ttl)

    def deliver(turns: Sequence[Turn]) -> None:
        store.add([(conversation, json.dumps(turn, ensure_ascii=False)) for conversation, turn in turns])

    return deliver
