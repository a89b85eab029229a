"""A chat on asyncio whose turns are cancelled, each at another one of its awaits, while Redis answers late.

As in redis/redis-py#2624: a command whose reply was not read leaves it to whoever has the connection next. A chat that
has that fault is here, too: the checker has to find it.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import redis.asyncio
from langchain_core.messages import AIMessage, HumanMessage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.sessions import AsyncSessionStore, connect_async
from tests.faults.fault import Fault, noticed
from tests.faults.model_faults import ORDER

if TYPE_CHECKING:
    from tests.faults.world import World

LATE = 0.004
"""Seconds that each reply of Redis is held back: that long, each await that reads one lasts."""
CONNECTIONS = 4
"""Fewer than users: one that is given back is taken again at once."""
CANCELLED = "turns cancelled"
Said = list[tuple[str, str]]
"""Role and text, oldest first."""


class CancelledAt:
    """Awaits this; where it waits for the time `at` (from 1), its task is cancelled, as time-outs and hang-ups do.

    Not every turn that was is lost: up to Python 3.11, `wait_for` returns what had arrived when it was cancelled.
    """

    def __init__(self, work: Awaitable[str], at: int) -> None:
        self._work, self.at = work, at
        self.reached = False

    def __await__(self) -> Generator[Any, Any, str]:
        steps = self._work.__await__()
        go_on = partial(steps.send, None)
        for number in itertools.count(1):
            try:
                waiting = go_on()
            except StopIteration as end:
                return cast("str", end.value)
            if number == self.at:
                self.reached = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            # Whatever comes is for the work, each time: its own time-outs come as cancellations, too.
            try:
                yield waiting
                go_on = partial(steps.send, None)
            except BaseException as error:
                go_on = partial(steps.throw, error)
        raise AssertionError("unreachable")


class Ours:
    """What the product has for asyncio."""

    def __init__(self, client: Any) -> None:
        self._store = AsyncSessionStore(client, cache_bytes=0, lease=3)

    async def turn(self, session: str, question: str, answer: Callable[[Said], str]) -> str:
        async with self._store.turn(session) as turn:
            said = answer([("", message.text) for message in turn.messages] + [("", question)])
            await turn.commit([HumanMessage(question), AIMessage(said)])
            return said

    async def read(self, session: str) -> Said:
        roles = {"human": "user", "ai": "assistant"}
        return [(roles[one.type], one.text) for one in await self._store.messages(session)]

    async def clear(self, session: str) -> None:
        await self._store.clear(session)


class Careless(redis.asyncio.Connection):
    """As redis-py's were up to 4.5.3: a cancelled read leaves its reply in the connection, which goes on being used."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        return await super().read_response(*args, **{**options, "disconnect_on_error": False})


class Theirs:
    """A list of texts, over connections that are careless."""

    def __init__(self, url: str) -> None:
        kind = redis.asyncio.BlockingConnectionPool
        self._redis = redis.asyncio.Redis(
            connection_pool=kind.from_url(url, max_connections=CONNECTIONS, connection_class=Careless, protocol=2)
        )

    async def turn(self, session: str, question: str, answer: Callable[[Said], str]) -> str:
        said = answer([*await self.read(session), ("user", question)])
        await self._redis.rpush(session, question, said)
        return said

    async def read(self, session: str) -> Said:
        found = await cast("Awaitable[Any]", self._redis.lrange(session, 0, -1))
        texts = [one.decode() for one in found] if isinstance(found, list) else []
        return [(("user", "assistant")[place % 2], text) for place, text in enumerate(texts)]

    async def clear(self, session: str) -> None:
        await self._redis.delete(session)


class Chat:
    """The chat over HTTP, as the product's has it; a session is a cookie. cancelling: whether every second turn is."""

    def __init__(self, url: str, *, ours: bool = True) -> None:
        self.url, self.ours = url, ours
        self.cancelling = False
        self.cancelled: Counter[int] = Counter()
        """How many turns, by the await."""
        self._next, self._spared = 1, False
        self._memory: Ours | Theirs
        routes = [
            Route("/api/chat", self.chat, methods=["POST"]),
            Route("/api/history", self.history, methods=["GET"]),
            Route("/api/history", self.clear, methods=["DELETE"]),
        ]
        self.app = Starlette(routes=routes, lifespan=self._open)

    @asynccontextmanager
    async def _open(self, _: Starlette) -> AsyncIterator[None]:
        if not self.ours:
            self._memory = Theirs(self.url)
            yield
            return
        client = await connect_async(self.url, max_connections=CONNECTIONS)
        self._memory = Ours(client)
        yield
        await client.aclose()

    async def chat(self, request: Request) -> Response:
        session = _session(request)
        work = self._memory.turn(session, (await request.json())["message"], _answer)
        turn = asyncio.ensure_future(self._done(CancelledAt(work, self._at())))
        try:
            answer = JSONResponse({"answer": await turn})
        except asyncio.CancelledError:
            answer = JSONResponse({"title": "Cancelled"}, 503)
        answer.set_cookie("sid", session)
        return answer

    def _at(self) -> int:
        """Where the next turn is cancelled; 0: nowhere."""
        self._spared = not self._spared
        if self._spared or not self.cancelling:
            return 0
        self._next += 1
        return self._next - 1

    async def _done(self, work: CancelledAt) -> str:
        try:
            return await work
        finally:
            if work.reached:
                self.cancelled[work.at] += 1
            elif work.at:
                self._next = 1  # it has fewer: from the first on again

    async def history(self, request: Request) -> Response:
        found = await self._memory.read(_session(request))
        return JSONResponse({"messages": [{"role": role, "text": text} for role, text in found]})

    async def clear(self, request: Request) -> Response:
        await self._memory.clear(_session(request))
        return JSONResponse({})


def _session(request: Request) -> str:
    return request.cookies.get("sid") or uuid.uuid4().hex


def _answer(said: Said) -> str:
    found = ORDER.findall(" ".join(text for _, text in said))
    return f"Your order is {found[-1]}." if found else "I know of no order."


@contextmanager
def _cancelling(world: World) -> Iterator[None]:
    assert world.chat is not None
    world.chat.cancelling = True
    yield
    world.chat.cancelling = False
    world.noticed[CANCELLED] += world.chat.cancelled.total()


FAULTS = (Fault("commands cancelled at every await, replies late", "asyncio", _cancelling, noticed(CANCELLED), 5.0),)
