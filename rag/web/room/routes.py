"""The addresses below `/r/`. A phone is given no cookie: it speaks with a token that it was given when it joined, which
no other site's page can send. The presenter is known by the session cookie of the browser that opened the room.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette._utils import get_route_path
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.crosstalk.room import views
from rag.crosstalk.room.act import Turn, UnknownMemory
from rag.crosstalk.room.room import Room, RoomRefused
from rag.crosstalk.room.rooms import Rooms
from rag.crosstalk.room.talk import BadRoomQuestion
from rag.errors import CrosswireError
from rag.web.body import read_body
from rag.web.identity import ROOMS, visit_of
from rag.web.problem import PRIVATE, Problem, Refused, answer_error, problem_of
from rag.web.room.qr import code_picture

T = TypeVar("T")

SITE = Path(__file__).parent / "site"
LONGEST_BODY = 2048
THREADS = 8
SLOWEST = 5.0
ANSWER_SECONDS = 30.0
"""For which a phone waits; a turn is given up before."""
LOOK, BEAT = 0.15, 10.0
"""Seconds between two looks of the wall for something new, and between two signs of life."""


class RoomFirst:
    """ASGI middleware for `st.App(…, middleware=[…, Middleware(RoomFirst, rooms=…)])`, behind SessionCookie."""

    def __init__(self, app: ASGIApp, *, rooms: Callable[[], Rooms]) -> None:
        self._app = app
        self._inner = _application(rooms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and get_route_path(scope).startswith(ROOMS)
        await (self._inner if ours else self._app)(scope, receive, send)


def _application(rooms: Callable[[], Rooms]) -> Starlette:
    api = _Api(rooms)
    room = "/r/{code:str}"
    return Starlette(
        routes=[
            Route("/r/-/open", api.open, methods=["POST"]),
            Mount("/r/-", StaticFiles(directory=SITE)),
            Route(room, api.page("phone.html")),
            Route(f"{room}/wall", api.page("wall.html")),
            Route(f"{room}/qr.svg", api.picture),
            Route(f"{room}/join", api.join, methods=["POST"]),
            Route(f"{room}/hello", api.hello, methods=["POST"]),
            Route(f"{room}/ask", api.ask, methods=["POST"]),
            Route(f"{room}/state", api.state),
            Route(f"{room}/live", api.live),
            Route(f"{room}/now", api.now),
            Route(f"{room}/switch", api.switch, methods=["POST"]),
            Route(f"{room}/out", api.send_out, methods=["POST"]),
            Route(f"{room}/end", api.end, methods=["POST"]),
        ],
        exception_handlers=dict.fromkeys((HTTPException, Refused, CrosswireError, Exception), _problem),
    )


class _Api:
    def __init__(self, rooms: Callable[[], Rooms]) -> None:
        self._rooms = rooms
        self._threads = CapacityLimiter(THREADS)

    def page(self, name: str) -> Callable[[Request], Any]:
        async def drawn(_: Request) -> Response:
            return FileResponse(SITE / name, media_type="text/html", headers={"Cache-Control": "no-cache"})

        return drawn

    async def picture(self, request: Request) -> Response:
        """The QR code of the phones' address."""
        code = request.path_params["code"]

        def address() -> str:
            with self._rooms().entered(code) as (room, _):
                return _address(request, room)

        picture = code_picture(await self._call(address))
        return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})

    # --- phones

    async def join(self, request: Request) -> Response:
        await _json(request)
        code = request.path_params["code"]

        def join() -> dict[str, Any]:
            with self._rooms().entered(code) as (room, now):
                token, someone = room.join(now)
                return {"token": token, **views.phone(room, someone, now)}

        return JSONResponse(await self._call(join), headers=PRIVATE)

    async def state(self, request: Request) -> Response:
        token = _token(request)
        return JSONResponse(await self._call(lambda: self._phone(request, token)), headers=PRIVATE)

    async def hello(self, request: Request) -> Response:
        await _json(request)
        code, token = request.path_params["code"], _token(request)
        return await self._turn(request, lambda done: self._rooms().greet(code, token, done))

    async def ask(self, request: Request) -> Response:
        match await _json(request):
            case {"key": str(key)}:
                text = ""
            case {"text": str(text)}:
                key = ""
            case _:
                raise Refused(Problem(422, "Bad question", 'Send {"key": …} or {"text": …}.'))
        code, token = request.path_params["code"], _token(request)
        return await self._turn(request, lambda done: self._rooms().ask(code, token, key, text, done))

    async def _turn(self, request: Request, begin: Callable[[Callable[[Turn], None]], Turn]) -> Response:
        """What the phone shows when the turn has ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def done(_: Turn) -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(ended.set)

        await self._call(lambda: begin(done))
        with suppress(TimeoutError):  # what the phone shows then is that it still waits
            async with asyncio.timeout(ANSWER_SECONDS):
                await ended.wait()
        token = _token(request)
        return JSONResponse(await self._call(lambda: self._phone(request, token)), headers=PRIVATE)

    def _phone(self, request: Request, token: str) -> dict[str, Any]:
        with self._rooms().entered(request.path_params["code"]) as (room, now):
            someone = room.who(token)
            room.saw(someone, now)
            return views.phone(room, someone, now)

    # --- the presenter

    async def open(self, request: Request) -> Response:
        """Another room of this browser's, where the page is not used. seconds: that the model takes."""
        match await _json(request):
            case {"right": str(right), "wrong": str(wrong), "begin": str(begin), "seconds": float(seconds)}:
                thinking = (min(max(seconds, 0.0), SLOWEST),) * 2
            case _:
                raise Refused(Problem(422, "Bad room", 'Send {"right": …, "wrong": …, "begin": …, "seconds": 0.5}.'))
        presenter = _presenter(request)
        if presenter is None:
            raise Refused(Problem(403, "No session", "Open a page of this site first, and keep its cookie."))
        room = await self._call(lambda: self._rooms().open(presenter, right, wrong, begin=begin, thinking=thinking))
        return JSONResponse({"code": room.code}, headers=PRIVATE)

    async def live(self, request: Request) -> Response:
        """Server-sent events: the wall, anew whenever something has changed."""
        presenter = visit_of(request).session_id
        first = await self._call(lambda: self._wall(request, presenter, -1))
        headers = {**PRIVATE, "X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(request, presenter, first or {}), 200, headers, "text/event-stream")

    async def now(self, request: Request) -> Response:
        """The wall once: also why `live` is refused, which a browser does not tell its page."""
        presenter = visit_of(request).session_id
        return JSONResponse(await self._call(lambda: self._wall(request, presenter, -1)), headers=PRIVATE)

    async def _events(self, request: Request, presenter: str | None, seen: dict[str, Any]) -> AsyncIterator[str]:
        yield _event(seen)
        version, silent = seen["version"], 0.0
        while True:
            await asyncio.sleep(LOOK)
            try:
                found = await self._call(partial(self._wall, request, presenter, version))
            except RoomRefused:
                yield "event: gone\ndata: {}\n\n"
                return
            silent += LOOK
            if found is not None:
                version, silent = found["version"], 0.0
                yield _event(found)
            elif silent >= BEAT:
                silent = 0.0
                yield ": still here\n\n"

    def _wall(self, request: Request, presenter: str | None, since: int) -> dict[str, Any] | None:
        rooms, code = self._rooms(), request.path_params["code"]
        rooms.judge(code, presenter)
        with rooms.presented(code, presenter) as (room, now):
            room.watch(now)
            return views.wall(room, now) | {"address": _address(request, room)} if room.version != since else None

    async def switch(self, request: Request) -> Response:
        match await _json(request):
            case {"memory": str(memory)}:
                pass
            case _:
                raise Refused(Problem(422, "Bad memory", 'Send {"memory": …}.'))
        return await self._presented(request, lambda room, now: room.switch(memory, now))

    async def send_out(self, request: Request) -> Response:
        match await _json(request):
            case {"number": int(number)}:
                pass
            case _:
                raise Refused(Problem(422, "Bad number", 'Send {"number": …}.'))
        return await self._presented(request, lambda room, _: room.send_out(number))

    async def _presented(self, request: Request, change: Callable[[Room, float], None]) -> Response:
        """A change that only the one who opened the room may make."""
        code, presenter = request.path_params["code"], _presenter(request)

        def changed() -> None:
            with self._rooms().presented(code, presenter) as (room, now):
                change(room, now)

        await self._call(changed)
        return Response(status_code=204)

    async def end(self, request: Request) -> Response:
        await _json(request)
        code, presenter = request.path_params["code"], _presenter(request)
        await self._call(lambda: self._rooms().end(code, presenter))
        return Response(status_code=204)

    async def _call(self, work: Callable[[], T]) -> T:
        """In a thread of ours: the loop waits for no lock."""
        return await to_thread.run_sync(work, limiter=self._threads)


def _address(request: Request, room: Room) -> str:
    """Where phones go: what the presenter said, or where this browser found the server."""
    return f"{room.address or str(request.base_url).rstrip('/')}{ROOMS}{room.code}"


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _presenter(request: Request) -> str | None:
    visit = visit_of(request)
    return visit.session_id if visit.own else None


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def _json(request: Request) -> Any:
    """A form of another site's page cannot send this type, so it cannot join or ask for somebody."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(Problem(415, "Wrong content type", "Send application/json."))
    try:
        return json.loads(await read_body(request, LONGEST_BODY))
    except (ValueError, RecursionError) as error:
        raise Refused(Problem(400, "Invalid JSON", "The body is not valid JSON.")) from error


async def _problem(request: Request, error: Exception) -> Response:
    if isinstance(error, RoomRefused):
        return Problem(error.status, "Not in this room", str(error)).response()
    if isinstance(error, BadRoomQuestion | UnknownMemory):
        return Problem(422, "Bad question", str(error)).response()
    if isinstance(error, HTTPException):
        return Problem(error.status_code, error.detail, "There is nothing at this address.").response()
    if not isinstance(error, Refused | CrosswireError):
        logging.getLogger(__name__).error("A room broke", exc_info=error)
        return problem_of(error).response()
    return await answer_error(request, error)
