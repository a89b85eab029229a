"""Embedded Chroma is written to in a process of its own: its bindings keep the interpreter for as long as they write.

While a long document is stored, nobody else would be answered. One such process serves all stores of this process; it
is started with the first write, and ends when it has had nothing to do for a while, or with this process.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any, cast

from rag.resources import child_environment

IDLE_SECONDS = 120.0
"""After so long without a request the process ends."""

LONGEST_SECONDS = 300.0
"""A request that takes longer is given up, and the process with it."""

_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""No other variable is handed on: they hold passwords, and nothing that writing to Chroma needs."""


class WriterGoneError(Exception):
    """The process ended, or was ended, before it answered: whether it has written is not known."""


class Writer:
    """Thread-safe: one request at a time. A forked child starts a process of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._used = 0.0
        atexit.register(self.close)

    def ask(self, request: object, batches: Iterable[object] = ()) -> Any:
        """The answer, or the exception that stands in its place. Batches are sent one by one, so that none is long."""
        with self._lock:
            process = self._usable()
            timer = threading.Timer(LONGEST_SECONDS, process.kill)
            timer.daemon = True
            timer.start()
            try:
                pipe = cast("IO[bytes]", process.stdin)
                pickle.dump(request, pipe)
                for batch in batches:
                    pickle.dump(batch, pipe)
                pickle.dump(None, pipe)
                pipe.flush()
                answer = pickle.load(cast("IO[bytes]", process.stdout))  # noqa: S301 - our own process
            except (OSError, EOFError, pickle.PickleError) as exc:
                self._end()
                raise WriterGoneError from exc
            except BaseException:
                self._end()  # it is in the middle of a request that nobody waits for
                raise
            finally:
                timer.cancel()
            self._used = time.monotonic()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the process, if it is this one's."""
        with self._lock:
            if self._pid == os.getpid():
                self._end()

    def _usable(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._pid == os.getpid():
            if self._process.poll() is None and time.monotonic() - self._used < IDLE_SECONDS / 2:
                return self._process
            self._end()
        given = child_environment()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rag.knowledge.storage.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: given[name] for name in _ENVIRONMENT if name in given},
            start_new_session=True,  # Ctrl+C is for the process that started it
        )
        self._pid, self._used = os.getpid(), time.monotonic()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()
