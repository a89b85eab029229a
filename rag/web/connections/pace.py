"""Closes connections that do not get on: a client that takes or brings a few bytes a minute keeps its place for ever.

Uvicorn waits for such a client without end, and asyncio, when the server closes, for the last byte to be taken. Both
are methods of its protocols, which are extended for the reason that heads.py gives.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

SECONDS = 30.0
LEAST = 16 * 1024
"""Bytes in so many seconds: a tenth of what the slowest phone network carries."""
LARGEST = 1 << 20
"""Bytes of one message by a websocket, unpacked. What a page sends is far less; Streamlit allows 200 MB."""

_AT_ONCE = struct.pack("ii", 1, 0)


class Pace:
    """Ends what is slower. left: how many bytes are still to go, or None while nobody is to blame for that."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, left: Callable[[], int | None], end: Callable[[], None]
    ) -> None:
        self._loop, self._left, self._end = loop, left, end
        self._known: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self.done()
        self._known = self._left()
        self._timer = self._loop.call_later(SECONDS, self._look)

    def done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        before, self._known = self._known, self._left()
        if before is not None and self._known is not None and before - self._known < LEAST:
            self._timer = None
            self._end()
        else:
            self._timer = self._loop.call_later(SECONDS, self._look)


def _end(transport: Any) -> None:
    """Reset it: closed only, the system would go on keeping what the client does not take."""
    with suppress(AttributeError, OSError):  # no socket of the internet
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()


def _watch_writing(self: Any, transport: Any) -> None:
    """From the first byte that the system does not take at once until there is none left."""
    transport.set_write_buffer_limits(0)
    self.writing = Pace(self.loop, transport.get_write_buffer_size, lambda: _end(transport))


def _watch_reading(self: Any) -> None:
    """From a request's head to the end of its body."""
    self.brought = 0
    self.reading = Pace(
        self.loop, lambda: None if self.flow.read_paused else -self.brought, lambda: _end(self.transport)
    )
    if not self.parser.should_upgrade():
        self.reading.begin()


def _brought(self: Any, body: bytes) -> None:
    self.brought += len(body)


def _read(self: Any) -> None:
    """A body that ended after its answer: what came of it has stopped the clock of a connection that is not used."""
    self.reading.done()
    if self.parser.should_upgrade() and self._should_upgrade():  # a websocket from here on: that cycle is another's
        return
    if self.cycle is not None and self.cycle.response_complete and not self.transport.is_closing():
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)


def _over(self: Any, _: Any = None) -> None:
    for pace in (self.__dict__.get("writing"), self.__dict__.get("reading")):
        if pace is not None:
            pace.done()


def _before(protocol: type[Any], name: str, more: Callable[..., None]) -> None:
    method = getattr(protocol, name)

    def extended(self: Any, *args: Any) -> Any:
        more(self, *args)
        return method(self, *args)

    setattr(protocol, name, extended)


def bound_pace() -> None:
    """For all servers of this process. Once."""
    for protocol in (HttpToolsProtocol, WebSocketsSansIOProtocol):
        _before(protocol, "connection_made", _watch_writing)
        _before(protocol, "pause_writing", lambda self: self.writing.begin())
        _before(protocol, "resume_writing", lambda self: self.writing.done())
        _before(protocol, "connection_lost", _over)
    _before(HttpToolsProtocol, "on_headers_complete", _watch_reading)
    _before(HttpToolsProtocol, "on_body", _brought)
    _before(HttpToolsProtocol, "on_message_complete", _read)
    _before(HttpToolsProtocol, "on_message_begin", lambda self: self._unset_keepalive_if_required())
    init = WebSocketsSansIOProtocol.__init__

    def limited(self: Any, config: Any, *args: Any, **named: Any) -> None:
        config.ws_max_size = min(config.ws_max_size, LARGEST)
        init(self, config, *args, **named)

    WebSocketsSansIOProtocol.__init__ = limited  # type: ignore[method-assign]
