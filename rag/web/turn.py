"""One chat turn as an HTTP answer, whole (JSON) or as it grows (server-sent events).

The turn runs in a worker thread. When the client goes away, it is stopped: nothing is stored, and the session is free
for its next question. What fails before the first byte is answered with a status of its own; what fails later is an
`error` event.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rag.chat import Event, EventStream, Finished, Found, Reply, Source, Token, Waiting
from rag.errors import CredentialEnded, CrosswireError, TooMuch
from rag.limits import THREADS, Place
from rag.sessions.names import friendly_name
from rag.sessions.revocations import Credential
from rag.web.identity import Visit
from rag.web.problem import PRIVATE, Problem, problem_of
from rag.web.slot import Slot

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, because proxies close what is silent for long."""

SLOW_SECONDS = 1.0
"""For so long a model over the wire is taken to be slow when a thread lost the slot, unless it gave a QUICK answer."""
QUICK = 0.01
"""Seconds. A thread loses the slot on a busy machine, too: turns in many threads at once would make it busier still."""

_STREAM = {**PRIVATE, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}

Item = Event | Exception | None
"""None is the end."""
Start = Callable[[str, Credential | None], EventStream]
"""Begins the turn of a session, whose cookie has to count still."""
Enter = Callable[[str], Place]
"""Lets a session's turn in, or raises TooMuch. Called on the event loop."""
Left = Callable[[str], None]
"""Is told of a session's turn whose client left before it began: nobody else knows of it."""


def reply_to_dict(reply: Reply, session_id: str) -> dict[str, Any]:
    return {
        "answer": reply.text,
        "sources": [source_to_dict(source) for source in reply.sources],
        "question": reply.question,
        "model": reply.model,
        "turn": reply.turn,
        "session": session_id,
        "session_name": friendly_name(session_id),
    }


def source_to_dict(source: Source) -> dict[str, Any]:
    # Other applications' histories may hold NaN, which is not JSON.
    score = source.score if math.isfinite(source.score) else 0.0
    return {**source.to_dict(), "score": score}


_STOPPING = Problem(
    503,
    "Server stops",
    "This server was told to stop, and could not wait for this answer: nothing was saved. Ask again.",
    {"Retry-After": "1"},
)


class Workers:
    """The threads that turns run in. First come, first served; how many may come, says `UnderWay`."""

    def __init__(self) -> None:
        self.slot = Slot(THREADS, "turn")
        """For what computes (all but one wait for Redis), and for a model over the wire that answers at once."""
        self.waiting = ThreadPoolExecutor(THREADS, "waiting-turn")
        """For what waits for a model, or for another turn of its session."""
        self._quick_at = -math.inf

    def slow(self) -> bool:
        """Whether whoever asks a model over the wire would hold up others in the slot."""
        now = monotonic()
        return now - self.slot.robbed_at < SLOW_SECONDS <= now - self._quick_at

    def answered(self, after: float) -> None:
        """after: seconds that a model over the wire took."""
        if after < QUICK:
            self._quick_at = monotonic()


class TurnAnswer:
    """An answer (ASGI) that runs the turn while it is sent."""

    def __init__(
        self, start: Start, enter: Enter, left: Left, visit: Visit, workers: Workers, *, streamed: bool
    ) -> None:
        """visit: has a session."""
        self._enter = enter
        self._turn = _Turn(start, left, visit, workers, whole=not streamed)
        self._workers = workers
        self._visit = visit
        self._streamed = streamed
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            place = self._enter(self._session_id)
        except TooMuch as refused:
            await problem_of(refused).response()(scope, receive, send)
            return
        self._turn.begin(place)
        watching = asyncio.create_task(self._watch(receive))
        try:
            first, *others = await self._turn.items()
            if isinstance(first, Exception):
                await problem_of(first).response()(scope, receive, send)
            elif self._streamed and first is not None:
                await self._send_stream([first, *others], send)
            elif isinstance(first, Finished):
                body = orjson.dumps(reply_to_dict(first.reply, self._session_id))
                await Response(body, headers=PRIVATE, media_type="application/json")(scope, receive, send)
        except asyncio.CancelledError:  # this server's time to stop is over
            if self._begun:
                await send({"type": "http.response.body", "body": _sse("error", _STOPPING.to_dict())})
            else:
                await _STOPPING.response()(scope, receive, send)
        finally:
            watching.cancel()
            self._turn.stop()

    @property
    def _session_id(self) -> str:
        """Another one, once the turn has found that the cookie does not count."""
        return self._visit.session_id or ""

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._turn.stop()

    async def _send_stream(self, items: list[Item], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": Headers(_STREAM).raw})
        self._begun = True
        while items[-1] is not None:
            await self._send_events(items, send)
            items = await self._next(send)
        await self._send_events(items[:-1], send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, items: list[Item], send: Send) -> None:
        """In one piece what came in one."""
        body = b"".join(self._event(item) for item in items if item is not None)
        if body:
            await send({"type": "http.response.body", "body": body, "more_body": True})

    async def _next(self, send: Send) -> list[Item]:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    return await self._turn.items()
            await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})

    def _event(self, item: Event | Exception) -> bytes:
        match item:
            case Waiting(at_most):
                return _sse("waiting", {"at_most": at_most})
            case Found(sources):
                return _sse("sources", {"sources": [source_to_dict(source) for source in sources]})
            case Token(text):
                return _sse("token", {"text": text})
            case Finished(reply):
                return _sse("done", reply_to_dict(reply, self._session_id))
            case Exception():
                return _sse("error", problem_of(item).to_dict())


class _Turn:
    """A turn in its threads, and what it has told so far. `whole`: nothing but its end is of interest.

    If the cookie turns out to be none, it begins anew as a new visitor's, before anything was told.
    It leaves the slot's threads once it will wait. A thread hands over what it has without waiting for
    the event loop, and wakes that once, however much there is.
    """

    def __init__(self, start: Start, left: Left, visit: Visit, workers: Workers, *, whole: bool) -> None:
        self._start = start
        self._left = left
        self._visit = visit
        self._workers = workers
        self._whole = whole
        self._items: deque[Item] = deque()
        self._waking = False
        self._stopped = False
        self._asked = False
        """For its first event: from then on the chat service counts it, however it ends."""
        self._ended = False
        self._events: EventStream | None = None

    def begin(self, place: Place) -> None:
        """The place is left when the turn's thread is free again, even if nobody waits for its answer any more."""
        self._place = place
        place.queue(True)
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._workers.slot.submit(self._run)

    async def items(self) -> list[Item]:
        """What has been told since the last time; at least one. The last of all is None."""
        while True:  # the event loop has its turn in any case, however quickly more comes
            await self._arrived.wait()
            self._arrived.clear()
            if self._items:  # not fetched already, with what came before
                return [self._items.popleft() for _ in range(len(self._items))]

    def stop(self) -> None:
        """Called in the event loop, so it waits for nothing: the thread frees the turn with its next event."""
        self._stopped = True
        if self._ended:
            return
        if self._events is not None:
            self._events.stop()
        self._post(None)

    def _run(self, *, may_wait: bool = False) -> None:
        self._place.queue(False)
        try:
            if self._events is None:
                self._events = self._begun()
            # One of them that waited long took the slot's time from everybody: the next ones wait elsewhere.
            slow = not may_wait and self._events.remote and self._workers.slow()
            if not self._stopped and (slow or self._told(self._events, may_wait)):
                self._place.queue(True)
                self._workers.waiting.submit(self._run, may_wait=True)
                return
            if not self._asked:
                self._left(self._visit.session_id or "")
        except CredentialEnded:
            self._visit.begin_anew()
            self._events, self._asked = None, False
            self._run(may_wait=may_wait)
            return
        except CrosswireError as error:
            self._post(error)
        except Exception as error:
            logging.getLogger(__name__).exception("A chat turn broke")
            self._post(error)
        self._end()

    def _begun(self) -> EventStream:
        return self._start(self._visit.session_id or "", self._visit.credential)

    def _told(self, events: EventStream, may_wait: bool) -> bool:
        """True if it will wait for another turn now, and may not do so here."""
        self._asked = True
        for event in events:
            if self._stopped:
                return False
            if isinstance(event, Finished) and events.remote:
                self._workers.answered(event.reply.timings.ask)
            if not self._whole:
                self._post(event)
            elif isinstance(event, Finished):
                self._items.append(event)  # the end is told with it: the loop is woken once
            if isinstance(event, Waiting) and not may_wait:
                return True
        return False

    def _end(self) -> None:
        try:
            if self._events is not None:
                self._events.close()
        finally:
            self._ended = True
            self._place.leave()
            if self._whole:
                self._items.append(None)
                self._workers.slot.tell(self._loop, self._wake)
            else:
                self._post(None)

    def _post(self, item: Item) -> None:
        self._items.append(item)
        if not self._waking:
            self._waking = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._arrived.set()


def _sse(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
