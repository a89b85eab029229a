"""A chat behind Socket.IO, as Chainlit has it: one connection a user, one question at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rag.crosstalk.targets.answers import LONGEST, late, shown, text_at, too_long
from rag.crosstalk.targets.description import Description, SocketIo
from rag.crosstalk.targets.errors import BadTarget, TargetFailed, first_line
from rag.crosstalk.targets.filling import filled, filled_address
from rag.crosstalk.targets.trust import Trust

OPEN_SECONDS = 20


class EventSocket:
    """Not thread-safe. Connected anew after a failure, as a browser does it."""

    def __init__(
        self,
        name: str,
        description: Description,
        spoken: SocketIo,
        values: Mapping[str, Any],
        headers: dict[str, str],
        trust: Trust,
    ) -> None:
        """Raises BadTarget for somebody who may not have every address asked: the library follows where it is sent."""
        if trust.reach != "all":
            raise BadTarget(name, "Socket.IO is spoken on the command line only (simulate --target)")
        self._name = name
        self._description = description
        self._spoken = spoken
        self._values = dict(values)
        self._headers = headers
        self._client: Any = None

    def ask(self, values: Mapping[str, Any], until: float) -> tuple[str | None, Any, str]:
        """Text, value and raw form of the answer: what came in its events up to the one that says it is done."""
        try:
            client = self._connected()
            client.emit(self._spoken.emit, filled(self._description.body, values))
            return self._answer(client, until)
        except (BadTarget, TargetFailed):
            raise
        except Exception as exc:  # the library's, the transport's and the time-out's have no common base
            self.close()
            if type(exc).__name__ == "TimeoutError":
                raise late(self._name, self._description.deadline) from exc
            raise TargetFailed(self._name, first_line(exc)) from exc

    def close(self) -> None:
        if self._client is not None:
            with suppress(Exception):
                self._client.disconnect()
            self._client = None

    def _connected(self) -> Any:
        if self._client is None:
            import socketio  # takes a fifth of a second, and few targets need it

            client = socketio.SimpleClient(reconnection=False)
            client.connect(
                filled_address(self._description.url, self._values),
                headers=self._headers,
                auth=filled(self._spoken.auth, self._values),
                transports=["websocket"],
                socketio_path=self._spoken.path,
                wait_timeout=OPEN_SECONDS,
            )
            for event in self._spoken.opening:
                client.emit(event)
            self._client = client
        return self._client

    def _answer(self, client: Any, until: float) -> tuple[str | None, Any, str]:
        """The last whole text; where there is none, the parts that came."""
        whole, parts, size, last = "", list[str](), 0, None
        while True:
            name, *values = client.receive(timeout=max(0.01, until - time.monotonic()))
            value = values[0] if values else None
            size += len(str(value))
            if size > LONGEST:
                raise too_long(self._name)
            if name == self._spoken.done:
                text = whole or "".join(parts)
                return text or None, last, shown(str(last), 2000)
            if name in self._spoken.whole and (found := text_at(value, [self._spoken.whole[name]])):
                whole, last = found, value
            elif name in self._spoken.parts and (part := text_at(value, [self._spoken.parts[name]])):
                parts.append(part)
