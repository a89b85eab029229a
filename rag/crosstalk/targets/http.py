"""An HTTP chat endpoint as a target: each simulated user is a client of its own, with its own cookies and connection.

What one is sent is never in another one's client, so what comes out mixed was mixed on the other side.
"""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from rag.crosstalk.targets.endpoint import Endpoint
from rag.crosstalk.targets.errors import TargetFailed

LONGEST = 1 << 20
"""Bytes of an answer."""
_END_OF_LINE = re.compile(rb"\r\n|\r|\n")
CLIENTS = 2000
"""Clients that stay connected; those beyond connect anew for each turn, with the same cookies."""


class HttpTarget:
    """Thread-safe."""

    def __init__(self, endpoint: Endpoint, *, timeout: float = 60.0) -> None:
        self.name = endpoint.url
        self._endpoint = endpoint
        self._timeout = min(timeout, endpoint.deadline)
        self._people: dict[str, _Person] = {}
        self._lock = threading.Lock()

    def call(self, session_id: str, text: str) -> str:
        """Raises TargetFailed."""
        person = self._person(session_id)
        with person.introduced():
            return self._ask(person, session_id, text)

    def _ask(self, person: _Person, session_id: str, text: str) -> str:
        endpoint, until = self._endpoint, time.monotonic() + self._endpoint.deadline
        question = {"role": "user", "content": text}
        places = {"{session}": session_id, "{text}": text, "{messages}": [*person.said, question]}
        try:
            with person.client.stream(
                endpoint.method,
                endpoint.url,
                params=_set(endpoint.query, places) or None,
                headers={"Accept-Encoding": "identity", **_set(endpoint.headers, places)},
                json=None if endpoint.body is None else _set(endpoint.body, places),
                data=None if endpoint.form is None else _set(endpoint.form, places),
            ) as response:
                answer = self._answer(response, self._in_time(_unpacked(response), until))
        except httpx2.TimeoutException as exc:
            raise TargetFailed(self.name, f"nothing came for {self._timeout:g} seconds") from exc
        except httpx2.HTTPError as exc:
            raise TargetFailed(self.name, (str(exc) or type(exc).__name__).splitlines()[0]) from exc
        finally:
            if not person.stays:
                person.client.close()
        # What other tabs of the same person have said meanwhile stays.
        person.said.extend([question, {"role": "assistant", "content": answer}])
        return answer

    def forget(self, sessions: Iterable[str]) -> None:
        with self._lock:
            gone = [self._people.pop(session) for session in sessions if session in self._people]
        for person in gone:
            person.client.close()

    def close(self) -> None:
        self.forget(list(self._people))

    def _person(self, session_id: str) -> _Person:
        with self._lock:
            person = self._people.get(session_id)
            if person is None:
                cookies = _set(self._endpoint.cookies, {"{session}": session_id})
                person = self._people[session_id] = _Person(self._timeout, cookies, len(self._people) < CLIENTS)
        person.ready()
        return person

    def _in_time(self, pieces: Iterable[bytes], until: float) -> Iterator[bytes]:
        """A time-out is of each read, and a server that says a little now and then would never meet it."""
        for piece in pieces:
            yield piece
            if time.monotonic() > until:
                raise TargetFailed(self.name, f"its answer was not whole after {self._endpoint.deadline:g} seconds")

    def _answer(self, response: httpx2.Response, pieces: Iterator[bytes]) -> str:
        if not response.is_success:
            said = " ".join(_bounded(pieces)[:200].decode("utf-8", "replace").split())
            raise TargetFailed(self.name, f"it said {response.status_code}: {said or 'nothing more'}")
        path = self._endpoint.answer
        if self._endpoint.stream == "sse":
            return "".join(self._parts(pieces, path))
        body = _bounded(pieces)
        if len(body) > LONGEST:
            raise TargetFailed(self.name, f"its answer is longer than {LONGEST:,} bytes")
        if not path:
            return body.decode("utf-8", "replace")
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            shown = body[:80].decode("utf-8", "replace")
            raise TargetFailed(self.name, f"it sent {shown!r}, expected JSON with {path}") from None
        found: object = _at(value, path)
        if not isinstance(found, str):
            shown = " ".join(body[:120].decode("utf-8", "replace").split())
            raise TargetFailed(self.name, f"its answer has no text at {path}: {shown}")
        return found

    def _parts(self, pieces: Iterator[bytes], path: str) -> Iterator[str]:
        for line in self._lines(pieces):
            if not line.startswith("data:"):
                continue
            data = line[5:].removeprefix(" ")
            if data == "[DONE]":
                return
            if not path:
                yield data
                continue
            try:
                found = _at(json.loads(data), path)
            except (ValueError, RecursionError):
                continue  # an event of another kind
            if isinstance(found, str):
                yield found

    def _lines(self, pieces: Iterator[bytes]) -> Iterator[str]:
        """As server-sent events have them, whose texts may hold what is an end of line elsewhere."""
        size, rest = 0, list[bytes]()
        for piece in pieces:
            size += len(piece)
            if size > LONGEST:
                raise TargetFailed(self.name, f"its answer is longer than {LONGEST:,} bytes")
            end, *lines = _END_OF_LINE.split(piece)
            rest.append(end)
            for line in lines:
                yield b"".join(rest).decode("utf-8", "replace")
                rest = [line]
        yield b"".join(rest).decode("utf-8", "replace")


class _Person:
    """One simulated user's client. said: the conversation so far, for endpoints that keep none."""

    def __init__(self, timeout: float, cookies: dict[str, str], stays: bool) -> None:
        self.stays = stays
        self.said: list[dict[str, str]] = []
        self._timeout = timeout
        self._cookies = httpx2.Cookies(cookies)
        self._first = threading.Lock()
        self._known = False
        self.client = self._made()

    @contextmanager
    def introduced(self) -> Iterator[None]:
        """A second tab is opened when the first one has been answered, with the cookies that it was given."""
        with self._first:
            if not self._known:
                yield
                self._known = True
                return
        yield

    def ready(self) -> None:
        if self.client.is_closed:
            self._cookies = self.client.cookies
            self.client = self._made()

    def _made(self) -> httpx2.Client:
        return httpx2.Client(timeout=self._timeout, cookies=self._cookies, follow_redirects=True, trust_env=False)


def _set(value: Any, places: dict[str, Any]) -> Any:
    """With the places filled in. A text that is nothing but a place becomes what stands for it, a list even."""
    if isinstance(value, dict):
        return {key: _set(one, places) for key, one in value.items()}
    if isinstance(value, list):
        return [_set(one, places) for one in value]
    if not isinstance(value, str):
        return value
    if value in places:
        return places[value]
    for place, stands in places.items():
        if place in value:
            value = value.replace(place, stands if isinstance(stands, str) else json.dumps(stands))
    return value


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.lstrip("-").isdigit() and -len(value) <= int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _unpacked(response: httpx2.Response) -> Iterator[bytes]:
    """The answer's bytes in pieces of which none is much longer than may be: a few packed bytes can become millions."""
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed in ("", "identity"):
        yield from response.iter_raw()
        return
    if packed not in ("gzip", "x-gzip", "deflate"):
        raise httpx2.DecodingError(f"it sent {packed[:20]!r}, expected an answer that is not compressed")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for piece in response.iter_raw():
            yield unpack.decompress(piece, LONGEST + 1)
    except zlib.error as exc:
        raise httpx2.DecodingError(f"it sent {packed!r} that cannot be unpacked") from exc


def _bounded(pieces: Iterable[bytes]) -> bytes:
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > LONGEST:
            break
    return bytes(found)
