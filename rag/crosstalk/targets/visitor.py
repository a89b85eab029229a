"""One simulated user to a target: a client with its own cookies, what was said, and the values it was given."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2

from rag.crosstalk.run.conversation import DELETE, OWN, SCENES
from rag.crosstalk.run.hosts import Deletion
from rag.crosstalk.targets.description import Description, Step
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
        self.replays = partner is not None and scene in ("replayed-ids", "same-id", "swapped-file")
        self.uploads = SCENES[scene].uploads and partner is None
        self.deletes = scene == DELETE and partner is not None
        """Whether it has still to ask for that."""
        self.bereft: Deletion | None = None
        """What another user asked for."""
        self.session = session_id
        self._description = description
        self._ids = {"replayed-ids": description.replayed, "swapped-file": description.file_ids}.get(scene, frozenset())
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
        if partner is not None and scene in ("replayed-ids", "same-id"):
            self._given.update(session=partner._given["session"], uuid=partner._given["uuid"])
        self._timeout = timeout
        self._cookies = httpx2.Cookies(partner.client.cookies if partner and scene == "second-login" else None)
        self._cookies.update(texts(description.cookies, {**self._given, **self.kept}))
        self._first = threading.Lock()
        self._count = itertools.count(1)
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

    def values(self, text: str, step: Step | None = None) -> dict[str, Any]:
        """Of the next request."""
        messages = [*self._said, {"role": "user", "content": text}]
        replayed = self._theirs(step) if self.partner is not None and self.begun else {}
        fresh = {"text": text, "messages": messages, "request": str(uuid.uuid4()), "count": next(self._count)}
        return {**self._given, **self.kept, **replayed, **fresh, "now": datetime.now(UTC).isoformat()}

    def _theirs(self, step: Step | None) -> dict[str, Any]:
        """What this request has of the partner."""
        assert self.partner is not None  # noqa: S101 - asked before
        if step is not None and step is self._description.delete and self.deletes:
            return self.partner.ids(self._description.deleted)
        return {name: value for name, value in self.partner.kept.items() if name in self._ids}

    def ids(self, names: Collection[str]) -> dict[str, Any]:
        return {name: value for name, value in {**self._given, **self.kept}.items() if name in names}

    @property
    def said(self) -> bool:
        """Whether it has been answered."""
        return bool(self._said)

    def marks(self) -> list[str]:
        """What tells its conversation: ids and words."""
        ids = [one for one in self.ids(self._description.deleted).values() if isinstance(one, str)]
        return [*ids, *(one["content"] for one in self._said)]

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
