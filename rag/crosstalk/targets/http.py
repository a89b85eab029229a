"""A chat behind HTTP as a target: each simulated user is a client of its own, with its own cookies and connection.

What one is sent is never in another one's client, so what comes out mixed was mixed on the other side.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any

import httpx2

from rag.crosstalk.run.conversation import OWN, pairs
from rag.crosstalk.run.hosts import Deletion, Target
from rag.crosstalk.targets.answers import holds, late, refused, shown
from rag.crosstalk.targets.description import Description, Step
from rag.crosstalk.targets.errors import NOT_YOURS, BadTarget, ReplayRefused, TargetFailed, first_line
from rag.crosstalk.targets.filling import filled, filled_address, texts
from rag.crosstalk.targets.limits import Limits
from rag.crosstalk.targets.reply import Reply, carry_over, limited, read, text_of, unpacked
from rag.crosstalk.targets.scenes.deleting import Deleting
from rag.crosstalk.targets.scenes.needs import lacks
from rag.crosstalk.targets.sockets.socketio import EventSocket
from rag.crosstalk.targets.sockets.websocket import Socket
from rag.crosstalk.targets.trust import OWNER, Trust
from rag.crosstalk.targets.visitor import Visitor

CLIENTS = 2000
"""Clients that stay connected; those beyond connect anew for each turn, with the same cookies."""


class HttpTarget(Target):
    """Thread-safe."""

    def __init__(self, description: Description, *, timeout: float = 60.0, trust: Trust = OWNER) -> None:
        self.name = description.name or description.url
        self.description = description
        self.limits = Limits()
        self.streams = False
        """Whether an answer has come in parts."""
        self.last: Reply | None = None
        """What came last, to any user: for whoever asks alone."""
        self._trust = trust
        self._timeout = min(timeout, description.deadline)
        self.replays = self.refused = 0
        """Requests with another user's ids, and how many of them were refused."""
        self._deleting = Deleting(description, self._seen)
        self._scene = OWN
        self._sessions: Sequence[str] = ()
        self._places: dict[str, int] = {}
        self._facts: Mapping[str, str] = {}
        self._visitors: dict[str, Visitor] = {}
        self._lock = threading.Lock()

    def call(self, session_id: str, text: str) -> str:
        """Raises TargetFailed."""
        visitor = self._visitor(session_id)
        with visitor.introduced():
            if visitor.uploads and self.description.upload is not None:
                visitor.uploads = False
                return self._uploaded(visitor, self.description.upload, text)
            if self.description.delete is not None:
                return self._with_deletion(visitor, self.description.delete, text)
            return self._replayed(visitor, text) if visitor.replays else self._turn(visitor, text)

    def expect(self, sessions: Sequence[str], scene: str = OWN, facts: Mapping[str, str] | None = None) -> bool:
        """Who will come, in order, how they meet, and a fact of each. Returns whether requests state those.

        Raises BadTarget where it has not so many credentials, or cannot play the scene.
        """
        self.description.people.of(len(sessions), "")
        if lacking := lacks(self.description, scene):
            raise BadTarget(self.name, f"the scene {scene} needs {lacking}")
        self._scene, self._sessions = scene, sessions
        self._places = {session: place for place, session in enumerate(sessions)}
        self._facts = facts or {}
        self._deleting.done.clear()
        return self.description.states_facts

    def _uploaded(self, visitor: Visitor, step: Step, text: str) -> str:
        until = time.monotonic() + self.description.deadline
        with self._told():
            self._begin(visitor, until)
            return self._done(visitor, step, text, until).raw or "uploaded"

    def _with_deletion(self, visitor: Visitor, step: Step, text: str) -> str:
        """A turn. Before its first one, a second user asks to have the first one's conversation deleted; the first one
        asks on, and deletes it."""
        if visitor.deletes and visitor.partner is not None:
            self._deleting.by_another(visitor, visitor.partner, step)
            visitor.deletes = False
        if visitor.bereft is None:
            return self._replayed(visitor, text) if visitor.replays else self._turn(visitor, text)
        try:
            return self._turn(visitor, text)
        except TargetFailed as exc:
            self._deleting.refused(visitor, exc.status)
            raise
        finally:
            self._deleting.by_owner(visitor, step)

    def _replayed(self, visitor: Visitor, text: str) -> str:
        """A turn with another user's ids, and what reading and listing show: all of it is the answer."""
        seen, refusal = list[str](), None
        asked: list[Callable[[], str]] = [lambda: self._turn(visitor, text)]
        asides = (self.description.read, self.description.listed)
        asked += [partial(self._seen, visitor, step) for step in asides if step is not None]
        for ask in asked:
            self.replays += 1
            try:
                seen.append(ask())
            except ReplayRefused as exc:
                self.refused, refusal = self.refused + 1, exc
        if refusal is not None and not seen:
            raise refusal
        return "\n".join(seen)

    def _seen(self, visitor: Visitor, step: Step) -> str:
        until = time.monotonic() + self.description.deadline
        with self._told():
            self._begin(visitor, until)
            return self._done(visitor, step, "", until).raw

    @property
    def deletions(self) -> Sequence[Deletion]:
        return self._deleting.done

    def other(self, description: Description) -> HttpTarget:
        """One that is asked otherwise, with users of its own."""
        return HttpTarget(description, timeout=self._timeout, trust=self._trust)

    def look(self, session_id: str, step: Step) -> Any:
        """The value that one request of a user gets, after those before the first turn. Raises TargetFailed."""
        visitor = self._visitor(session_id)
        until = time.monotonic() + self._timeout
        with self._told():
            self._begin(visitor, until)
            return self._asked(visitor, step, "", until).value

    @property
    def note(self) -> str:
        """What a report should say of how it was asked, in a line; empty: nothing."""
        told = []
        if self.limits.met:
            told.append(
                f"{self.name} limits its rate: it refused {self.limits.met} requests for now, and was asked more "
                f"slowly ({self.limits.waited:.0f} s of waiting)."
            )
        if self.replays:
            told.append(f"{self.refused} of {self.replays} requests with another user's ids were refused.")
        if tried := [one.answered for one in self.deletions if one.by != one.session]:
            told.append(
                f"{tried.count('refused')} of {len(tried)} deletes of another user's conversation were refused."
            )
        return " ".join(told)

    def forget(self, sessions: Iterable[str]) -> None:
        with self._lock:
            gone = [self._visitors.pop(session) for session in sessions if session in self._visitors]
        for visitor in gone:
            visitor.close()

    def close(self) -> None:
        self.limits.close()
        self.forget(list(self._visitors))

    def _visitor(self, session_id: str) -> Visitor:
        with self._lock:
            visitor = self._visitors.get(session_id)
            if visitor is None:
                place = self._places.get(session_id, len(self._visitors))
                second = pairs(self._scene) and place % 2 == 1
                visitor = Visitor(
                    self.description,
                    session_id,
                    place + 1,
                    timeout=self._timeout,
                    stays=len(self._visitors) < CLIENTS,
                    trust=self._trust,
                    scene=self._scene,
                    fact=self._facts.get(session_id, ""),
                    partner=self._visitors.get(self._sessions[place - 1]) if second else None,
                )
                self._visitors[session_id] = visitor
        visitor.ready()
        return visitor

    def _turn(self, visitor: Visitor, text: str) -> str:
        until = time.monotonic() + self.description.deadline
        try:
            with self._told():
                self._begin(visitor, until)
                if self.description.websocket or self.description.socketio:
                    reply = self._over_socket(visitor, text, until)
                else:
                    reply = self._done(visitor, self.description, text, until)
                for step in self.description.then:
                    reply = self._done(visitor, step, text, until)
        finally:
            if not visitor.stays:
                visitor.close()
        self.last = reply
        answer = text_of(self.name, self.description, reply)
        visitor.heard(text, answer)
        return answer

    def _begin(self, visitor: Visitor, until: float) -> None:
        if not visitor.begun:
            for step in self.description.before:
                self._done(visitor, step, "", until)
            visitor.begun = True

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong on the way, in one line."""
        try:
            yield
        except httpx2.TimeoutException as exc:
            raise TargetFailed(self.name, f"nothing came for {self._timeout:g} seconds") from exc
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise TargetFailed(self.name, first_line(exc)) from exc

    def _done(self, visitor: Visitor, step: Step, text: str, until: float) -> Reply:
        """One request, again while it is not ready, and what is kept of it."""
        while True:
            reply = self._asked(visitor, step, text, until)
            if not step.until or holds(reply.value, step.until):
                break
            if time.monotonic() + step.every > until:
                raise late(self.name, self.description.deadline)
            time.sleep(step.every)
        carry_over(self.name, step, reply, visitor)
        return reply

    def _asked(self, visitor: Visitor, step: Step, text: str, until: float) -> Reply:
        for attempt in count(1):
            if not self.limits.wait(until):
                raise TargetFailed(self.name, "it limits its rate, and asks for a longer pause than a turn may take")
            reply = self._sent(visitor, step, text, until)
            if not limited(reply):
                break
            self.limits.slow_down(attempt, reply.headers)
        if visitor.replays and reply.status in NOT_YOURS:
            raise ReplayRefused(self.name, f"it said {reply.status}: {shown(reply.raw, 200) or 'nothing more'}")
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            said = shown(reply.raw, 200) or "nothing more"
            raise TargetFailed(self.name, f"it said {reply.status}: {said}", reply.status)
        if said := refused(reply.value, self.description.errors):
            raise TargetFailed(self.name, f"it said {said}")
        return reply

    def _sent(self, visitor: Visitor, step: Step, text: str, until: float) -> Reply:
        values = visitor.values(text, step)
        with visitor.client.stream(
            step.method,
            filled_address(step.url, values),
            params=texts(step.query, values) or None,
            headers={"Accept-Encoding": "identity", **texts(step.headers, values)},
            json=None if step.body is None else filled(step.body, values),
            data=None if step.form is None else texts(step.form, values),
            files={
                **{name: (None, content) for name, content in texts(step.multipart or {}, values).items()},
                **{name: (f"{name}.txt", content) for name, content in texts(step.files, values).items()},
            }
            or None,
            content=None if step.text is None else str(filled(step.text, values)),
        ) as response:
            found = read(self.name, self.description, step, response, self._in_time(unpacked(response), until))
            self.streams = self.streams or found.streamed
            return found

    def _over_socket(self, visitor: Visitor, text: str, until: float) -> Reply:
        with visitor.speaking:
            if visitor.socket is None:
                values = visitor.values("")
                cookies = visitor.cookie_line()
                headers = {**texts(self.description.headers, values), **({"Cookie": cookies} if cookies else {})}
                given = values, headers, self._trust
                spoken = self.description.socketio
                visitor.socket = (
                    EventSocket(self.name, self.description, spoken, *given)
                    if spoken is not None
                    else Socket(self.name, self.description, *given)
                )
            reply = Reply(*visitor.socket.ask(visitor.values(text), until))
            self.streams = self.streams or visitor.socket.streams
        carry_over(self.name, self.description, reply, visitor)
        return reply

    def _in_time(self, pieces: Iterable[bytes], until: float) -> Iterator[bytes]:
        """A time-out is of each read, and a server that says a little now and then would never meet it."""
        for piece in pieces:
            yield piece
            if time.monotonic() > until:
                raise late(self.name, self.description.deadline)
