"""A second process on the same store, forked, that does what it is told and says what came of it.

Only what this process has closed may be forked over: the other one opens its store itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import time
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from rag.audit.kit.contract import CannotTell, NotApplicable

REPLIES = 20.0
"""Seconds in which the other process has to say something."""


class Line:
    """One end of what two processes tell each other: JSON objects, one a line."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.came = b""

    def say(self, **what: Any) -> None:
        with contextlib.suppress(OSError):  # the other one is gone: that is seen when it is to be heard
            self.end.sendall(json.dumps(what).encode() + b"\n")

    def hear(self, limit: float = REPLIES) -> dict[str, Any]:
        """The next thing that is said; nothing once the other is gone. Raises CannotTell if it is silent."""
        until = time.monotonic() + limit
        while b"\n" not in self.came:
            ready, _, _ = select.select([self.end], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise CannotTell(f"The other process has said nothing for {limit:g} s.")
            try:
                part = self.end.recv(65536)
            except OSError:
                part = b""
            if not part:
                return {}
            self.came += part
        line, _, self.came = self.came.partition(b"\n")
        return dict(json.loads(line))


@contextlib.asynccontextmanager
async def other_process(serve: Callable[[Line], Coroutine[Any, Any, None]]) -> AsyncIterator[Line]:
    """Fork a process that serves this line, and end it. Raises NotApplicable where nothing can be forked."""
    if not hasattr(os, "fork"):
        raise NotApplicable("this system forks no processes")
    here, there = socket.socketpair()
    child = await asyncio.to_thread(_forked, serve, here, there)
    there.close()
    try:
        yield Line(here)
    finally:
        here.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _forked(serve: Callable[[Line], Coroutine[Any, Any, None]], here: socket.socket, there: socket.socket) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads: the other process uses nothing of theirs
        child = os.fork()
    if child:
        return child
    try:
        here.close()
        line = Line(there)
        try:
            asyncio.run(serve(line))
        except BaseException as exc:  # whatever it is: this process must not go on as a second auditor
            line.say(error=f"{type(exc).__name__}: {str(exc)[:300]}")
    finally:
        os._exit(0)
