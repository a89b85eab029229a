"""One chat turn as an HTTP answer, whole (JSON) or as it grows (server-sent events).

The turn runs in one thread from its first event to its last. When the client goes away, it is stopped: nothing is
stored, and the session is free for its next question. What fails before the first byte is answered with a status of
its own; what fails later is an `error` event.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
from anyio import CapacityLimiter, from_thread, move_on_after, to_thread
from anyio.streams.memory import MemoryObjectReceiveStream
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from rag.chat import Event, EventStream, Finished, Found, Reply, Source, Token, Waiting
from rag.errors import CrosswireError
from rag.sessions.names import friendly_name
from rag.web.problem import problem_of

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, because proxies close what is silent for long."""

_PRIVATE = {"Cache-Control": "no-store, private"}
_STREAM = {**_PRIVATE, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}

Item = Event | Exception | None
"""None is the end."""
Items = MemoryObjectReceiveStream[Item]


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


class TurnAnswer:
    """An answer (ASGI) that runs the turn while it is sent."""

    def __init__(
        self, start: Callable[[], EventStream], session_id: str, *, streamed: bool, limiter: CapacityLimiter
    ) -> None:
        self._turn = _Turn(start)
        self._session_id = session_id
        self._streamed = streamed
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Nearly unbuffered: the turn goes on as its events are sent, so each of them is a chance to notice who left.
        give, take = anyio.create_memory_object_stream[Item](1)
        sending = self._send_stream if self._streamed else self._send_whole

        def post(item: Item) -> None:
            with suppress(anyio.BrokenResourceError):
                from_thread.run(give.send, item)

        async with give, anyio.create_task_group() as group:
            # Not abandoned on cancellation: the thread counts against the limit for as long as it runs.
            group.start_soon(partial(to_thread.run_sync, self._turn.run, post, limiter=self._limiter))
            try:
                with anyio.CancelScope() as present:
                    group.start_soon(_until_gone, receive, present)
                    await sending(take, scope, receive, send)
            finally:
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(self._turn.stop)
                take.close()
                group.cancel_scope.cancel()

    async def _send_whole(self, items: Items, scope: Scope, receive: Receive, send: Send) -> None:
        while (item := await items.receive()) is not None:
            if isinstance(item, Exception):
                await problem_of(item).response()(scope, receive, send)
                return
            if isinstance(item, Finished):
                whole = JSONResponse(reply_to_dict(item.reply, self._session_id), headers=_PRIVATE)
                await whole(scope, receive, send)
                return

    async def _send_stream(self, items: Items, scope: Scope, receive: Receive, send: Send) -> None:
        item = await items.receive()
        if isinstance(item, Exception):
            await problem_of(item).response()(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": Headers(_STREAM).raw})
        while item is not None:
            await send({"type": "http.response.body", "body": self._event(item), "more_body": True})
            item = await self._next(items, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self, items: Items, send: Send) -> Item:
        while True:
            with move_on_after(HEARTBEAT):
                return await items.receive()
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
    """A turn in its thread. `stop` may be called from any other one, at any time, also before it began."""

    def __init__(self, start: Callable[[], EventStream]) -> None:
        self._start = start
        self._stopped = threading.Event()
        self._events: EventStream | None = None

    def run(self, post: Callable[[Item], None]) -> None:
        try:
            with self._start() as events:
                self._events = events
                if self._stopped.is_set():
                    return
                for event in events:
                    if self._stopped.is_set():
                        break
                    post(event)
        except CrosswireError as error:
            post(error)
        except Exception as error:
            logging.getLogger(__name__).exception("A chat turn broke")
            post(error)
        finally:
            post(None)

    def stop(self) -> None:
        self._stopped.set()
        if self._events is not None:
            self._events.close()


async def _until_gone(receive: Receive, present: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    present.cancel()


def _sse(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
