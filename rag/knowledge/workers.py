"""Processes of our own that are asked over their standard input and answer over their standard output.

A pool of the standard library, or of pebble, would import the program's main module in each process: the whole of
Streamlit, and a script of somebody's that has no guard would run again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from typing import IO, cast

from rag.resources import child_environment

IDLE_SECONDS = 120
"""After so long without a request a process ends; in the half of it, it is used again."""

_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""No other variable is handed on: they hold passwords, and nothing that reading or writing a document needs."""
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1"}
"""Chroma loads numpy, which would keep threads for calculations that are not made there."""


class Worker:
    """A process that runs one module. It belongs to the process that started it, not to what that forks."""

    def __init__(self, module: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - a module of ours
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in child_environment().items() if name in _ENVIRONMENT} | _NO_THREADS,
            start_new_session=True,  # Ctrl+C is for the process that started it
        )
        self.requests = cast("IO[bytes]", self.process.stdin)
        self.answers = cast("IO[bytes]", self.process.stdout)
        self.used_at = time.monotonic()
        self._owner = os.getpid()

    def usable(self) -> bool:
        """Whether it can be asked once more. Ended for good if not."""
        idle = time.monotonic() - self.used_at
        if self._owner == os.getpid() and self.process.poll() is None and idle < IDLE_SECONDS / 2:
            return True
        self.end()
        return False

    def end(self) -> None:
        """End it, if it is this process's. Ending twice is fine."""
        if self._owner == os.getpid():
            self.process.kill()
            self.process.wait()
            for pipe in (self.requests, self.answers):
                with suppress(OSError):
                    pipe.close()


class Workers:
    """At most so many processes of one kind, started when needed and kept for the next request. Thread-safe."""

    def __init__(self, module: str, most: int = 1) -> None:
        self._module = module
        self._closed = False
        self.free: LifoQueue[Worker | None] = LifoQueue()
        for _ in range(most):
            self.free.put(None)

    @contextmanager
    def lent(self, seconds: float, patience: float | None = None) -> Iterator[Worker]:
        """One process, to send it a request and to read its whole answer. Whatever is raised meanwhile ends it.

        Raises TimeoutError after so many seconds, and Empty when none is free for as long as `patience`.
        """
        worker = self.free.get(timeout=patience)
        try:
            if worker is None or not worker.usable():
                worker = Worker(self._module)
            deadline = time.monotonic() + seconds
            timer = threading.Timer(seconds, worker.process.kill)
            timer.daemon = True
            timer.start()
            try:
                yield worker
            except BaseException as exc:
                worker.end()  # it is in the middle of a request that nobody waits for
                if time.monotonic() >= deadline and isinstance(exc, Exception):
                    raise TimeoutError from exc
                raise
            finally:
                timer.cancel()
                worker.used_at = time.monotonic()
        finally:
            if self._closed and worker is not None:
                worker.end()
            self.free.put(worker)

    def close(self) -> None:
        """End the processes that are idle; those that are busy end with their request."""
        self._closed = True
        for _ in range(self.free.qsize()):
            with suppress(Empty):
                worker = self.free.get_nowait()
                if worker is not None:
                    worker.end()
                self.free.put(None)


def channel() -> tuple[IO[bytes], IO[bytes]]:
    """In such a process: the requests, and where answers go. What a library prints goes nowhere."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return requests, answers


def alarm(seconds: float) -> None:
    """In such a process: end it after so long, whatever it is doing then; 0 calls that off."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
