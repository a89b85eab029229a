"""A chat behind a websocket: one connection a user, one question at a time."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from rag.crosstalk.targets.answers import LONGEST, holds, late, parsed, refused, shown, text_at, too_long
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.errors import TargetFailed, first_line
from rag.crosstalk.targets.filling import filled, filled_address
from rag.crosstalk.targets.trust import Trust, connection

OPEN_SECONDS = 20.0


class Socket:
    """Not thread-safe. Connected anew after a failure, as a browser does it."""

    def __init__(
        self, name: str, description: Description, values: Mapping[str, Any], headers: dict[str, str], trust: Trust
    ) -> None:
        self._name = name
        self._description = description
        self._url = filled_address(description.url, values)
        self._trust = trust
        self._headers = headers
        self._connection: ClientConnection | None = None
        self._open = ExitStack()
        self.streams = False
        """Whether an answer has come in parts."""

    def ask(self, values: Mapping[str, Any], until: float) -> tuple[str | None, Any, str]:
        """Text, value and raw form of the answer: one message, or all up to that at which `done` holds."""
        try:
            connection = self._connected()
            connection.send(self._message(values))
            return self._answer(connection, until)
        except TimeoutError as exc:
            self.close()
            raise late(self._name, self._description.deadline) from exc
        except (WebSocketException, OSError) as exc:
            self.close()
            raise TargetFailed(self._name, first_line(exc)) from exc

    def close(self) -> None:
        with suppress(WebSocketException, OSError):
            self._open.close()
        self._connection = None

    def _connected(self) -> ClientConnection:
        if self._connection is None:
            opening = connect(
                self._url,
                additional_headers=self._headers,
                open_timeout=OPEN_SECONDS,
                close_timeout=2,
                max_size=LONGEST,
                proxy=None,
                sock=self._judged(),
            )
            self._connection = self._open.enter_context(opening)
        return self._connection

    def _judged(self) -> socket.socket | None:
        if self._trust.reach == "all":
            return None
        to = urlsplit(self._url)
        return connection(to.hostname or "", to.port or (443 if to.scheme == "wss" else 80), self._trust.reach)

    def _message(self, values: Mapping[str, Any]) -> str:
        if self._description.body is not None:
            return json.dumps(filled(self._description.body, values))
        return str(filled(self._description.text or "{text}", values))

    def _answer(self, connection: ClientConnection, until: float) -> tuple[str | None, Any, str]:
        found, size = list[str](), 0
        paths, done = self._description.answers, self._description.done
        while True:
            raw = connection.recv(timeout=max(0.0, until - time.monotonic()), decode=True)
            assert isinstance(raw, str)  # noqa: S101 - what decode=True gives
            size += len(raw)
            if size > LONGEST:
                raise too_long(self._name)
            try:
                value = parsed(raw)
            except ValueError:
                value = raw
            if said := refused(value, self._description.errors):
                raise TargetFailed(self._name, f"it said {said}")
            text = text_at(value, paths) if paths else raw
            ended = not done or holds(value, done)
            if text is not None and (paths or not done or not ended):
                found.append(text)
            if ended and (found or done):
                self.streams = self.streams or len(found) > 1
                return "".join(found) if found else None, value, shown(raw, 2000)
