"""What a turn does not wait for: on a cluster, index and audit are on other slots than the session.

Written by one thread, in the order in which it was given, soon after. A process that dies at once may leave a session
out of the index until its next turn, and an audit entry unwritten; a session's own data is never touched here.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

import atexit
import logging
import queue
import threading
from weakref import WeakKeyDictionary, WeakMethod, ref

from redis import RedisCluster

from rag.sessions.connection.reasons import FAILURES
from rag.sessions.fork import reset_in_children
from rag.sessions.protocol.steps import Command

LOG = logging.getLogger(__name__)
_LONGEST = 20_000
_IDLE = 5.0


class DeferredWrites:
    """Of one client. Thread-safe. The thread exists while there is something to write."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = ref(client)
        self.reset_after_fork()
        reset_in_children(self)
        finish = WeakMethod(self.flush)
        atexit.register(lambda: (flush := finish()) and flush())

    def reset_after_fork(self) -> None:
        # What the parent has not written yet, it will write.
        self._commands: queue.Queue[Command] = queue.Queue(_LONGEST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, *commands: Command) -> None:
        """The caller keeps the client alive until this returns."""
        for command in commands:
            try:
                self._commands.put_nowait(command)
            except queue.Full:
                LOG.warning("The live index is behind by %d entries: one is left out", _LONGEST)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, args=(self._client(),), name="deferred-writes", daemon=True
                )
                self._thread.start()

    def flush(self) -> None:
        """Wait until all is written that was given before."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
        if running:
            self._commands.join()

    def _run(self, client: RedisCluster) -> None:
        while True:
            try:
                command = self._commands.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if self._commands.empty():
                        self._thread = None
                        return
                continue
            try:
                self._write(client, command)
            finally:
                self._commands.task_done()

    def _write(self, client: RedisCluster, command: Command) -> None:
        try:
            client.execute_command(*command)
        except FAILURES:
            pass
        except Exception as exc:  # a client that was closed, for which redis-py raises what it happens to
            LOG.warning("A deferred entry of the index was not written: %s", exc)


_DEFERRED: WeakKeyDictionary[RedisCluster, DeferredWrites] = WeakKeyDictionary()


def deferred_writes(client: RedisCluster) -> DeferredWrites:
    """That of this client, shared by all stores on it."""
    return _DEFERRED.get(client) or _DEFERRED.setdefault(client, DeferredWrites(client))
