"""Bounds a request's head in bytes and in seconds: Uvicorn reads one without end, and waits for one without end.

Neither is a setting of its protocol on httptools (0.54), and which protocol a server takes is decided before it loads
an application: so the methods of that one class are extended.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Protocol

LONGEST = 64 * 1024
"""Bytes of address and headers together. Browsers and proxies send less than 16 KiB, even with all cookies."""
SECONDS = 30.0
"""In which a head has to be here."""

_made, _lost, _received = Protocol.connection_made, Protocol.connection_lost, Protocol.data_received
_begun, _read = Protocol.on_message_begin, Protocol.on_headers_complete


class _Head:
    """The one that a connection waits for."""

    def __init__(self, protocol: Protocol) -> None:
        self.bytes = 0
        self._timer: asyncio.TimerHandle | None = protocol.loop.call_later(SECONDS, protocol.transport.close)

    @property
    def awaited(self) -> bool:
        return self._timer is not None

    def done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def connection_made(self: Any, transport: Any) -> None:
    _made(self, transport)
    self.head = _Head(self)


def connection_lost(self: Any, exc: Exception | None) -> None:
    self.head.done()
    _lost(self, exc)


def data_received(self: Any, data: bytes) -> None:
    head = self.head
    if not head.awaited:
        if not self.transport.is_closing():  # what comes after a refusal is not looked at
            _received(self, data)
        return
    left = LONGEST - head.bytes
    head.bytes += len(data)
    _received(self, data[:left])
    if len(data) > left and not self.transport.is_closing():
        if self.head is head and head.awaited:
            head.done()
            self.send_400_response(f"The head is longer than {LONGEST} bytes.")
        else:
            data_received(self, data[left:])


def on_message_begin(self: Any) -> None:
    _begun(self)
    if not self.head.awaited:
        self.head = _Head(self)


def on_headers_complete(self: Any) -> None:
    self.head.done()
    _read(self)


def bound_heads() -> None:
    """For all servers of this process."""
    for method in (connection_made, connection_lost, data_received, on_message_begin, on_headers_complete):
        setattr(Protocol, method.__name__, method)
