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
import weakref

from redis import RedisCluster

from rag.sessions.index import Command
from rag.sessions.reasons import FAILURES

LOG = logging.getLogger(__name__)
_LONGEST = 20_000
_IDLE = 5.0


class Beside:
    """Thread-safe. The thread exists while there is something to write."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client
        self._commands: queue.Queue[Command] = queue.Queue(_LONGEST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        finish = weakref.WeakMethod(self.flush)
        atexit.register(lambda: (flush := finish()) and flush())

    def put(self, *commands: Command) -> None:
        for command in commands:
            try:
                self._commands.put_nowait(command)
            except queue.Full:
                LOG.warning("The live index is behind by %d entries: one is left out", _LONGEST)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="sessions-beside", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Wait until all is written that was given before."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
        if running:
            self._commands.join()

    def _run(self) -> None:
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
                self._write(command)
            finally:
                self._commands.task_done()

    def _write(self, command: Command) -> None:
        try:
            self._client.execute_command(*command)
        except FAILURES:
            pass
        except Exception as exc:  # a client that was closed, for which redis-py raises what it happens to
            LOG.warning("An entry beside a session was not written: %s", exc)
