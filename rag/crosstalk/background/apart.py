"""Work in processes of its own, so that pages stay fast: over pipes a job is sent there, tells how far it is, asks for
what only this process has, and is stopped.

A pool of the standard library would import the program's main module, which is all of Streamlit. A process that has
done its job is kept for the next one: to start one and load all memories takes a second.
"""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import queue
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Any, Protocol, cast

from rag.crosstalk.child_process import ended, serve, started
from rag.errors import CrosswireError

IDLE_SECONDS = 240
"""After so long without a job a process ends; in the half of it, it is used again."""
NICE = 5
"""Pages come first."""
ENDED = "The process of this run has ended before the run did: see the server's log."


class Line(Protocol):
    """What a job has of whoever wants it done."""

    stop: threading.Event

    def say(self, what: Any) -> None:
        """How far it is."""

    def ask(self, *arguments: Any) -> Any:
        """Of the other process. Raises CrosswireError where it could not answer."""


Job = Callable[[Line], None]
"""It can be pickled: a function of a module, or a `partial` of one."""


class Place(Protocol):
    """Where jobs are done."""

    def do(self, job: Job, hear: Callable[[Any], None], stop: threading.Event, answer: Callable[..., Any]) -> None:
        """Blocks. hear: what the job says; answer: what it asks. Raises what the job raised, as CrosswireError."""

    def close(self) -> None: ...


class Processes:
    """Thread-safe. One idle process is kept."""

    def __init__(self) -> None:
        self._idle: _Process | None = None
        self._lock = threading.Lock()
        self._closed = False

    def do(self, job: Job, hear: Callable[[Any], None], stop: threading.Event, answer: Callable[..., Any]) -> None:
        process = self._taken() or _Process()
        try:
            process.do(job, hear, stop, answer)
        finally:
            # Whoever was stopped may have left something behind that still waits for a model.
            self._keep(process, fit=not stop.is_set())

    def close(self) -> None:
        self._closed = True
        if process := self._taken():
            process.end()

    def _taken(self) -> _Process | None:
        with self._lock:
            process, self._idle = self._idle, None
        if process is None or process.usable():
            return process
        process.end()
        return None

    def _keep(self, process: _Process, *, fit: bool) -> None:
        process.used_at = time.monotonic()
        with self._lock:
            if fit and not self._closed and self._idle is None and process.usable():
                self._idle = process
                return
        process.end()


class _Process:
    """One, which does a job at a time. It ends with its parent: the end of standard input is the last order."""

    def __init__(self) -> None:
        self._process = started("rag.crosstalk.background.apart")
        self._orders = cast("IO[bytes]", self._process.stdin)
        self._replies = cast("IO[bytes]", self._process.stdout)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self.used_at = time.monotonic()
        self._gone = False
        self._send(sys.path)

    def usable(self) -> bool:
        return not self._gone and self._process.poll() is None and time.monotonic() - self.used_at < IDLE_SECONDS / 2

    def do(self, job: Job, hear: Callable[[Any], None], stop: threading.Event, answer: Callable[..., Any]) -> None:
        number, done = next(self._numbers), threading.Event()
        self._send(("do", number, job))
        threading.Thread(target=self._pass_on, args=(number, stop, done), name="stop-run", daemon=True).start()
        try:
            while True:
                try:
                    kind, value = pickle.load(self._replies)  # noqa: S301 - from our own process
                except (EOFError, OSError, pickle.UnpicklingError):
                    self._gone = True
                    raise CrosswireError(ENDED) from None
                if kind == "said":
                    hear(value)
                elif kind == "asked":
                    self._send(("told", *_answered(answer, *value)))
                elif value is not None:
                    raise value
                else:
                    return
        finally:
            done.set()

    def end(self) -> None:
        with suppress(OSError):
            self._orders.close()
        ended(self._process)
        self._replies.close()

    def _pass_on(self, number: int, stop: threading.Event, done: threading.Event) -> None:
        while not done.is_set():
            if stop.wait(0.1):
                self._send(("stop", number, None))
                return

    def _send(self, order: Any) -> None:
        with self._lock, suppress(OSError, ValueError):
            pickle.dump(order, self._orders)
            self._orders.flush()


def _answered(answer: Callable[..., Any], number: int, arguments: tuple[Any, ...]) -> tuple[int, Any]:
    try:
        return number, answer(*arguments)
    except Exception as exc:  # whatever it is that is asked
        return number, CrosswireError(f"{type(exc).__name__}: {exc}".splitlines()[0])


class _Service:
    """The other end. Jobs are done in the main thread, orders are heard in another one."""

    def __init__(self, orders: IO[bytes], replies: IO[bytes]) -> None:
        self.stop = threading.Event()
        self._orders = orders
        self._replies = replies
        self._jobs: queue.SimpleQueue[tuple[int, Job] | None] = queue.SimpleQueue()
        self._doing = 0
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._numbers = itertools.count(1)

    def run(self) -> None:
        sys.path[:] = pickle.load(self._orders)  # noqa: S301 - from our parent, as everything here
        threading.Thread(target=self._hear, name="orders", daemon=True).start()
        with suppress(queue.Empty):
            while (order := self._jobs.get(timeout=IDLE_SECONDS)) is not None:
                try:
                    order[1](self)
                except CrosswireError as exc:
                    self._reply("done", CrosswireError(str(exc), exc.public))
                except Exception as exc:
                    logging.getLogger(__name__).exception("A job has failed")
                    self._reply("done", CrosswireError(f"{type(exc).__name__}: see the server's log."))
                else:
                    self._reply("done", None)

    def say(self, what: Any) -> None:
        self._reply("said", what)

    def ask(self, *arguments: Any) -> Any:
        with self._lock:
            number = next(self._numbers)
            answer = self._waiting[number] = Future()
        self._reply("asked", (number, arguments))
        found = answer.result()
        if isinstance(found, CrosswireError):
            raise found
        return found

    def _hear(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                kind, number, value = pickle.load(self._orders)  # noqa: S301
                if kind == "told":
                    self._waiting.pop(number).set_result(value)
                elif kind == "do":
                    self.stop.clear()
                    self._doing = number
                    self._jobs.put((number, value))
                elif number == self._doing:
                    self.stop.set()
        self.stop.set()
        for answer in self._waiting.values():
            answer.set_result(CrosswireError(ENDED))
        self._jobs.put(None)

    def _reply(self, kind: str, value: Any) -> None:
        data = pickle.dumps((kind, value))
        with self._lock:
            self._replies.write(data)
            self._replies.flush()


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(NICE)
    serve(lambda orders, replies: _Service(orders, replies).run())


if __name__ == "__main__":
    main()
