"""Documents are read in processes of their own, and one that is too slow, too large or crashes costs only its process.

A pool of the standard library, or of pebble, would import the program's main module in each process: the whole of
Streamlit, and a script of somebody's that has no guard would run again.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from queue import Empty, LifoQueue

import orjson

from rag.errors import BadDocument
from rag.knowledge.parsing.document import ParsedDocument, receive, received, send
from rag.knowledge.parsing.limits import OWN, UPLOADED, Limits, check, too_much
from rag.resources import child_environment

PROCESSES = 2
PATIENCE = 60.0
"""Seconds that a document waits for its turn."""

_KEPT = 60.0
"""Seconds for which an idle process is used again: it ends by itself some time later."""

_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""No other variable is handed on: they hold passwords, and nothing that reading a document needs."""


class DocumentReader:
    """Safe to use from many threads. A process is started with the first document, and kept for the next ones."""

    def __init__(self, processes: int = PROCESSES, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._closed = False
        self._free: LifoQueue[_Process | None] = LifoQueue()
        for _ in range(processes):
            self._free.put(None)

    def read(self, name: str, data: bytes, limits: Limits = UPLOADED) -> ParsedDocument:
        """Raises BadDocument, with one line, for whatever cannot be read within these limits."""
        check(name, data)
        try:
            process = self._free.get(timeout=self._patience)
        except Empty:
            raise BadDocument(name, "other documents are still being read", "Try it again in a minute.") from None
        try:
            if process is None or not process.usable():
                process = _Process()
            return process.read(name, data, limits)
        finally:
            if self._closed and process is not None:
                process.kill()
            self._free.put(process)

    def read_own(self, name: str, data: bytes) -> ParsedDocument:
        """`read` with the limits for articles that whoever runs the server gives."""
        return self.read(name, data, OWN)

    def close(self) -> None:
        """End the processes that are idle; those that read end after their document."""
        self._closed = True
        for _ in range(self._free.qsize()):
            try:
                process = self._free.get_nowait()
            except Empty:
                return
            if process is not None:
                process.kill()
            self._free.put(None)


class _Process:
    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "rag.knowledge.parsing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in child_environment().items() if name in _ENVIRONMENT},
            start_new_session=True,  # Ctrl+C is for the process that started it
        )
        self._used_at = time.monotonic()
        self._late = False

    def usable(self) -> bool:
        return time.monotonic() - self._used_at < _KEPT and self._child.poll() is None

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def read(self, name: str, data: bytes, limits: Limits) -> ParsedDocument:
        timer = threading.Timer(limits.seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            return self._asked(name, data, limits)
        except BadDocument:
            raise
        except (EOFError, OSError, ValueError, TypeError) as exc:
            self.kill()
            if self._late:
                raise too_much(name, f"reading it takes longer than {limits.seconds:g} seconds") from exc
            raise BadDocument(name, "the process that read it broke off") from exc
        except BaseException:
            self.kill()  # it is in the middle of a document that nobody waits for
            raise
        finally:
            timer.cancel()
            self._used_at = time.monotonic()

    def _expire(self) -> None:
        self._late = True
        self._child.kill()

    def _asked(self, name: str, data: bytes, limits: Limits) -> ParsedDocument:
        requests, answers = self._child.stdin, self._child.stdout
        if requests is None or answers is None:
            raise EOFError
        send(
            requests,
            orjson.dumps([name.encode("utf-8", "replace").decode(), limits.seconds, limits.passages, limits.memory]),
        )
        send(requests, data)
        requests.flush()
        head = receive(answers)
        if head.startswith(b"{"):
            raise BadDocument(name, *orjson.loads(head)["bad"])
        return received(head, answers)
