"""A chat behind Socket.IO, as Chainlit has it: one connection a user, one question at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from rag.crosstalk.targets.answers import LONGEST, at, holds, late, refused, shown, text_at, too_long
from rag.crosstalk.targets.description import Description, SocketIo
from rag.crosstalk.targets.errors import BadTarget, TargetFailed, first_line
from rag.crosstalk.targets.filling import filled, filled_address
from rag.crosstalk.targets.trust import Trust

OPEN_SECONDS = 20
QUIET_SECONDS = 0.3
"""Without an event, after which a greeting is over."""
SILENT_SECONDS = 3.0
"""Without any, after which there is none."""


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
        self._shown = Shown(name, spoken, description.errors)
        self.streams = False
        """Whether an answer has come in parts."""

    def ask(self, values: Mapping[str, Any], until: float) -> tuple[str | None, Any, str]:
        """Text, value and raw form of the answer: what came in its events up to the one that says it is done."""
        try:
            client = self._connected(until)
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

    def _connected(self, until: float) -> Any:
        if self._client is None:
            import socketio  # takes a fifth of a second, and few targets need it

            address = filled_address(self._description.url, self._values)
            client = socketio.SimpleClient(reconnection=False)
            client.connect(
                address,
                headers=self._headers,
                auth=filled(self._spoken.auth, self._values),
                transports=["websocket"],
                socketio_path=urlsplit(urljoin(address, self._spoken.path)).path,
                wait_timeout=OPEN_SECONDS,
            )
            self._shown = Shown(self._name, self._spoken, self._description.errors)
            for event in self._spoken.opening:
                client.emit(event)
            self._client = client
            if self._spoken.opening:
                self._greeted(client, until)
        return self._client

    def _greeted(self, client: Any, until: float) -> None:
        """What is said before any question belongs to the first answer; nothing is asked until it is over, as a page
        takes no input meanwhile."""
        from socketio.exceptions import TimeoutError as Quiet

        first, silent = False, min(until, time.monotonic() + SILENT_SECONDS)
        while time.monotonic() < until:
            try:
                self._shown.take(*client.receive(timeout=QUIET_SECONDS))
                first = True
            except Quiet:
                if not self._shown.tasks and (first or time.monotonic() > silent):
                    return

    def _answer(self, client: Any, until: float) -> tuple[str | None, Any, str]:
        while not self._shown.take(*client.receive(timeout=max(0.01, until - time.monotonic()))):
            pass
        shown_now, self._shown = self._shown, Shown(self._name, self._spoken, self._description.errors)
        self.streams = self.streams or shown_now.parts
        return shown_now.answer()


class Shown:
    """What a page would show of the events of one turn."""

    def __init__(self, name: str, spoken: SocketIo, errors: Sequence[str]) -> None:
        self._name = name
        self._spoken = spoken
        self._errors = errors
        self._messages: dict[str, str] = {}
        self._problem = ""
        self._size = 0
        self._last: Any = None
        self.parts = False
        self.tasks = 0
        """Begun, and not done."""

    def take(self, name: str, *values: Any) -> bool:
        """Whether that was the end of it. Raises TargetFailed for more than an answer may be."""
        value, spoken = values[0] if values else None, self._spoken
        self._size += len(str(value))
        if self._size > LONGEST:
            raise too_long(self._name)
        if name == spoken.begin:
            self.tasks += 1
        elif name == spoken.done:
            # An end without a beginning is of what was under way when it connected.
            ended = self.tasks == 1 or not spoken.begin
            self.tasks = max(0, self.tasks - 1)
            return ended
        elif not (spoken.own and holds(value, spoken.own)):
            self._show(name, value)
        return False

    def _show(self, name: str, value: Any) -> None:
        message = str(at(value, self._spoken.message)) if self._spoken.message else ""
        if name in self._spoken.whole and (text := text_at(value, [self._spoken.whole[name]])):
            if refused(value, self._errors):
                self._problem = shown(text, 200)
            else:
                self._messages[message], self._last = text, value
        elif name in self._spoken.parts and (part := text_at(value, [self._spoken.parts[name]])):
            self._messages[message] = self._messages.get(message, "") + part
            self.parts = True

    def answer(self) -> tuple[str | None, Any, str]:
        """Raises TargetFailed where it said nothing but what went wrong."""
        text = "\n".join(self._messages.values())
        if self._problem and not text:
            raise TargetFailed(self._name, f"it said {self._problem}")
        return text or None, self._last, shown(str(self._last), 2000)
