"""Work in a process of its own, forked: it has all that this one has loaded, and opens its store itself.

Only what this process has closed may be forked over: a child takes over connections, and must not use them. One child
works to its end; another does one thing after the other, as it is told.
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
from dataclasses import dataclass
from typing import Any

from rag.audit.kit.contract import CannotTell, NotApplicable

PATIENT = 10.0
"""Seconds that a child may take."""


@dataclass(frozen=True)
class Child:
    """How it ended: what it gave, the error that it raised, or neither if it was killed."""

    value: Any = None
    error: str = ""
    killed: bool = False


async def in_child(work: Callable[[], Coroutine[Any, Any, Any]]) -> Child:
    """Run it in a forked process. What it gives has to be JSON's. Raises NotApplicable where nothing can be forked."""
    if not hasattr(os, "fork"):
        raise NotApplicable("this system forks no processes")
    return await asyncio.to_thread(_forked, work)


def die() -> None:
    """As by kill -9: nothing is closed, nothing is written any more."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(PATIENT)  # the signal is there before this thread goes on, or nearly


def _forked(work: Callable[[], Coroutine[Any, Any, Any]]) -> Child:
    receive, send = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads: the child uses nothing of theirs
        child = os.fork()
    if not child:
        os.close(receive)
        _run(work, send)
    os.close(send)
    said = _heard(receive, child)
    os.close(receive)
    _, status = os.waitpid(child, 0)
    if said:
        return Child(**json.loads(said))
    return Child(killed=os.WIFSIGNALED(status), error="" if os.WIFSIGNALED(status) else f"it exited with {status}")


def _run(work: Callable[[], Coroutine[Any, Any, Any]], send: int) -> None:
    said: dict[str, Any]
    try:
        said = {"value": asyncio.run(work())}
    except BaseException as exc:  # whatever it is: this process must not go on as a second auditor
        said = {"error": f"{type(exc).__name__}: {str(exc)[:300]}"}
    try:
        with contextlib.suppress(OSError), open(send, "wb") as pipe:
            pipe.write(json.dumps(said).encode())
    finally:
        os._exit(0)


def _heard(receive: int, child: int) -> bytes:
    """All that it writes until it ends; it is killed if it takes too long."""
    said, until = b"", time.monotonic() + PATIENT
    while True:
        ready, _, _ = select.select([receive], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            os.kill(child, signal.SIGKILL)
            return json.dumps({"error": f"it took longer than {PATIENT:g} s"}).encode()
        part = os.read(receive, 65536)
        if not part:
            return said
        said += part


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
    child = await asyncio.to_thread(_serving, serve, here, there)
    there.close()
    try:
        yield Line(here)
    finally:
        here.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serving(serve: Callable[[Line], Coroutine[Any, Any, None]], here: socket.socket, there: socket.socket) -> int:
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
