"""Several processes that serve one run, each with an instance of the strategy of its own over the same places.

A user's turns go from one process to the next, as behind a load balancer that knows no sessions. A process that dies
takes its turns with it, and what it alone remembers; the run goes on.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
import sys
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import IO, Any

from rag.crosstalk.child_process import ended, started
from rag.crosstalk.log.events import Document, Event, Message
from rag.crosstalk.run.hosts import Served
from rag.crosstalk.run.model import MakeModel
from rag.crosstalk.run.workload import Planned
from rag.crosstalk.strategies import Lab, find
from rag.errors import CrosswireError

GONE = "The process that served it has ended."


class ProcessGone(CrosswireError):
    """Whoever could answer has ended."""

    def __init__(self) -> None:
        super().__init__(GONE)


class ProcessHost:
    """Thread-safe. log: is given what the processes saw, from several threads.

    Raises CrosswireError where the processes cannot be started.
    """

    def __init__(
        self,
        name: str,
        lab: Lab,
        count: int,
        threads: int,
        model: MakeModel | None,
        window: int | None,
        stop: threading.Event,
        log: Callable[[Event], None],
    ) -> None:
        self._order = pickle.dumps(sys.path) + pickle.dumps((name, lab, threads, model, window))
        self._log = log
        self._in_process = find(name).in_process
        self._count = count
        self._workers: list[Worker] = []
        self._stop = stop
        self._closed = threading.Event()
        self._start()
        threading.Thread(target=self._pass_on, name="stop-workers", daemon=True).start()

    def process(self, turn: Planned) -> int:
        return (zlib.crc32(turn.session.encode()) + turn.number + turn.tab) % self._count

    def serve(self, turn: Planned, passages: Sequence[Document]) -> Served:
        served = self._workers[self.process(turn)].call("serve", turn, passages)
        return served if isinstance(served, Served) else Served("info", str(served))

    def history(self, session: str) -> Sequence[Message]:
        """As one of the processes reads it. Raises CrosswireError, ProcessGone where none is left that may know."""
        first = zlib.crc32(session.encode()) % self._count
        able = [first] if self._in_process else [(first + n) % self._count for n in range(self._count)]
        found: Sequence[Message] = self._any([self._workers[n] for n in able], "history", session)
        return found

    def restart(self) -> None:
        self._end()
        self._start()

    def forget(self, sessions: Sequence[str]) -> None:
        self._any(self._workers, "forget", sessions)

    def close(self) -> None:
        self._closed.set()
        self._end()

    def _start(self) -> None:
        self._workers = [Worker(self._order, self._log) for _ in range(self._count)]
        # One after the other: what is made on first use (a table, say) is made once.
        problem = next(filter(None, (worker.call("open") for worker in self._workers)), None)
        if problem is not None:
            self._end()
            raise CrosswireError(f"The simulation could not be started: {problem}")

    def _any(self, workers: Sequence[Worker], what: str, *arguments: Any) -> Any:
        """The answer of the first one that lives."""
        reply = next((reply for worker in workers if (reply := worker.call(what, *arguments)) != GONE), GONE)
        if reply == GONE:
            raise ProcessGone
        if isinstance(reply, CrosswireError):
            raise reply
        return reply

    def _end(self) -> None:
        for worker in self._workers:
            worker.send("close")
        for worker in self._workers:
            worker.wait()

    def _pass_on(self) -> None:
        while not self._closed.is_set():
            if self._stop.wait(0.1):
                for worker in self._workers:
                    worker.send("stop")
                return


class Worker:
    """One process, and the calls that it has not answered yet. Thread-safe."""

    def __init__(self, order: bytes, log: Callable[[Event], None]) -> None:
        self._process = started("rag.crosstalk.run.worker")
        self._log = log
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._gone = False
        self._write(order)
        threading.Thread(target=self._hear, args=(self._process.stdout,), name="worker-replies", daemon=True).start()

    def call(self, what: str, *arguments: Any) -> Any:
        """What the process answers: a CrosswireError for what it refuses; GONE if it has ended."""
        with self._lock:
            if self._gone:
                return GONE
            number = next(self._numbers)
            answer = self._waiting[number] = Future()
        self.send(what, number, *arguments)
        return answer.result()

    def send(self, what: str, number: int = 0, *arguments: Any) -> None:
        self._write(pickle.dumps((what, number, arguments)))

    def wait(self) -> None:
        ended(self._process)

    def _write(self, data: bytes) -> None:
        pipe = self._process.stdin
        with self._lock, contextlib.suppress(OSError, ValueError):
            if pipe is not None:
                pipe.write(data)
                pipe.flush()

    def _hear(self, replies: IO[bytes] | None) -> None:
        assert replies is not None  # noqa: S101 - asked for above
        with replies, contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                number, reply = pickle.load(replies)  # noqa: S301 - from our own process
                if number == 0:
                    self._log(reply)
                    continue
                with self._lock:
                    answer = self._waiting.pop(number)
                answer.set_result(reply)
        with self._lock:
            self._gone = True
            left = list(self._waiting.values())
        for answer in left:
            answer.set_result(GONE)
