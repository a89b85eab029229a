"""The floors of `bench served`: bare routes under the same uvicorn. They find passages, read the history from Redis and
write the turn to it, one round trip each, and do nothing else.

No lock, no seal, nothing decoded, no model, no signed cookie. One embeds and asks Chroma; the other one searches as the
application does. `python -m rag.web.bench.floor PORT`
"""

from __future__ import annotations

import secrets
import sys
from contextlib import ExitStack, closing

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from rag.chat.bench import ANSWER, Floor, plain_chroma
from rag.chat.service import SOURCES
from rag.garbage import settle
from rag.knowledge import open_library
from rag.knowledge.embedding.embedders import make_embedder
from rag.sessions import connect
from rag.settings import load

CHROMA, LIBRARY = "/api/chat", "/api/chat/library"


def _route(path: str, floor: Floor) -> Route:
    async def chat(request: Request) -> JSONResponse:
        message = (await request.json())["message"]
        session_id = request.cookies.get("session") or secrets.token_hex(16)
        number = await run_in_threadpool(floor.answered, session_id, message)
        answer = JSONResponse({"answer": ANSWER, "turn": number, "session": session_id, "model": "none"})
        if "session" not in request.cookies:
            answer.set_cookie("session", session_id)
        return answer

    return Route(path, chat, methods=["POST"])


async def _healthz(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def _application(stack: ExitStack) -> Starlette:
    settings = load()
    client = stack.enter_context(closing(connect(settings.redis_url, state_dir=settings.state_dir)))
    library = stack.enter_context(closing(open_library(settings)))
    _, find = stack.enter_context(plain_chroma(settings, make_embedder(settings)))

    def search(text: str) -> list[str]:
        return [passage.text for passage in library.search(text, SOURCES, "nobody")]

    settle()  # as the application does when it has started
    floors = [_route(CHROMA, Floor(client, find)), _route(LIBRARY, Floor(client, search))]
    return Starlette(routes=[*floors, Route("/healthz", _healthz)])


if __name__ == "__main__":
    with ExitStack() as opened:
        uvicorn.run(
            _application(opened), host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning"
        )
