"""A replica that is asked to stop (SIGTERM) says so, then listens no more, finishes its turns, and ends.

Uvicorn alone would end each page's websocket at once, and with it the question that is being answered there; and it
would wait without end for whoever reads slowly. Ctrl-C is still at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType

import uvicorn

QUIET = 0.5
"""Seconds without a turn, after which none is on its way any more: a page draws before it asks."""
TICK = 0.05
_SO_ATTACH_FILTER = 26
"""Linux's, which `socket` does not name (`asm-generic/socket.h`)."""
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
"""A classic packet filter (`linux/filter.h`): the byte of TCP's flags; where SYN is set, drop the packet; else keep."""


class Draining:
    """Of one process. begun: from the signal on."""

    def __init__(self) -> None:
        self.begun = False
        self._task: asyncio.Task[None] | None = None

    def at_sigterm(self, announce: float, most: float, busy: Callable[[], bool]) -> None:
        """Called on the event loop. Where that is not of the main thread, or not Uvicorn's, SIGTERM stays what it is.

        announce: seconds in which everything goes on, but `/readyz` says that it will not, and no connection is kept:
        a balancer that asks finds out, and one that does not is left with no connection that ends while it sends.
        most: seconds, after that, for turns. busy: whether one is under way.
        """
        stop = signal.getsignal(signal.SIGTERM)
        server = getattr(stop, "__self__", None)
        if not isinstance(server, uvicorn.Server) or threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()

        def begin() -> None:
            self._task = loop.create_task(_drain(server, announce, most, busy))

        def asked(number: int, frame: FrameType | None) -> None:
            if self.begun:  # twice: whoever asks will not wait
                server.handle_exit(number, frame)
            else:
                self.begun = True
                loop.call_soon_threadsafe(begin)

        signal.signal(signal.SIGTERM, asked)


async def _drain(server: uvicorn.Server, announce: float, most: float, busy: Callable[[], bool]) -> None:
    now = asyncio.get_running_loop().time
    server.config.encoded_headers.append((b"connection", b"close"))  # of every answer, within a second
    await asyncio.sleep(announce)
    await _listen_no_more(server)
    deadline, quiet_since = now() + most, now()
    while now() < deadline and server.server_state.connections and now() - quiet_since < QUIET:
        await asyncio.sleep(TICK)
        if busy():
            quiet_since = now()
    server.config.timeout_graceful_shutdown = max(1, math.ceil(deadline - now()))
    server.handle_exit(signal.SIGTERM, None)


async def _listen_no_more(server: uvicorn.Server) -> None:
    """Whoever is connected but not yet accepted is served, too: closed with the listener, a balancer that has sent its
    question there would not know whether it was answered, and answer 502."""
    loop, listening = asyncio.get_running_loop(), []
    for listener in server.servers:
        listening += [socket.socket(fileno=os.dup(one.fileno())) for one in listener.sockets]
    for one in listening:
        _begin_no_connection(one)
    await asyncio.sleep(TICK)  # for a handshake that has begun
    for listener in server.servers:
        listener.close()
    await asyncio.sleep(0)  # from here on, these are the only ones
    waiting = []
    for one in listening:
        one.setblocking(False)
        with one, suppress(OSError):  # nobody waits
            while True:
                waiting.append(one.accept()[0])
    for accepted in waiting:
        await loop.connect_accepted_socket(partial(_protocol, server), accepted)


def _begin_no_connection(listening: socket.socket) -> None:
    """The kernel begins no connection there any more: one that came after the last look, and before the close, would be
    reset. Whoever tries is refused when TCP tries again, a second later. Linux only; elsewhere the gap stays, of less
    than a millisecond."""
    if sys.platform != "linux" or listening.family not in (socket.AF_INET, socket.AF_INET6):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in _NO_SYN))
    with suppress(OSError):
        at = struct.pack("HP", len(_NO_SYN), ctypes.addressof(program))
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, at)


def _protocol(server: uvicorn.Server) -> asyncio.Protocol:
    """As the server makes one for each connection."""
    made = server.config.http_protocol_class
    return made(config=server.config, server_state=server.server_state, app_state=server.lifespan.state)  # type: ignore[call-arg]
