"""One simulated user to a target: a client with its own cookies, what was said, and the values it was given."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from rag.crosstalk.run.conversation import OWN
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.filling import texts
from rag.crosstalk.targets.sockets.socketio import EventSocket
from rag.crosstalk.targets.sockets.websocket import Socket
from rag.crosstalk.targets.trust import OWNER, Trust, client


class Visitor:
    """kept: values carried over from its answers. begun: whether the requests before the first turn were made."""

    def __init__(
        self,
        description: Description,
        session_id: str,
        number: int,
        *,
        timeout: float,
        stays: bool = True,
        trust: Trust = OWNER,
        scene: str = OWN,
        fact: str = "",
        partner: Visitor | None = None,
    ) -> None:
        """partner: who came before, in a scene of two."""
        self.partner = partner
        self.replays = partner is not None and scene in ("replayed-ids", "same-id")
        self.uploads = scene == "upload" and partner is None
        self._ids = description.replayed if scene == "replayed-ids" else frozenset()
        self.stays = stays
        self._trust = trust
        self.begun = False
        self.kept: dict[str, Any] = dict(description.initially)
        self.socket: Socket | EventSocket | None = None
        self.speaking = threading.Lock()
        """A websocket has one answer under way."""
        self._said: list[dict[str, str]] = []
        """The conversation so far, for endpoints that keep none."""
        self._given = {
            "session": session_id,
            "user": f"user-{number}",
            "number": str(number),
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, session_id)),
            "fact": fact,
            **description.people.of(number, session_id),
        }
        if partner is not None and self.replays:
            self._given.update(session=partner._given["session"], uuid=partner._given["uuid"])
        self._timeout = timeout
        self._cookies = httpx2.Cookies(partner.client.cookies if partner and scene == "second-login" else None)
        self._cookies.update(texts(description.cookies, {**self._given, **self.kept}))
        self._first = threading.Lock()
        self._known = False
        self.client: httpx2.Client = self._made()

    @contextmanager
    def introduced(self) -> Iterator[None]:
        """A second tab is opened when the first one has been answered, with the cookies that it was given."""
        with self._first:
            if not self._known:
                yield
                self._known = True
                return
        yield

    def values(self, text: str) -> dict[str, Any]:
        """Of the next request."""
        messages = [*self._said, {"role": "user", "content": text}]
        theirs = self.partner.kept if self.partner is not None and self.begun else {}
        replayed = {name: value for name, value in theirs.items() if name in self._ids}
        fresh = {"text": text, "messages": messages, "request": str(uuid.uuid4())}
        return {**self._given, **self.kept, **replayed, **fresh}

    def heard(self, text: str, answer: str) -> None:
        # What other tabs of the same person have said meanwhile stays.
        self._said.extend([{"role": "user", "content": text}, {"role": "assistant", "content": answer}])

    def ready(self) -> None:
        if self.client.is_closed:
            self._cookies = self.client.cookies
            self.client = self._made()

    def cookie_line(self) -> str:
        """As a handshake sends them."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.client.cookies.jar)

    def close(self) -> None:
        self.client.close()
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _made(self) -> httpx2.Client:
        return client(self._trust, self._timeout, self._cookies)
