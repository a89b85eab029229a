"""The floor of `bench served`: a bare route under the same uvicorn that embeds and searches as the application does,
reads the history from Redis and writes the turn to it, one round trip each, and nothing else.

No lock, no seal, nothing decoded, no prompt, no model, no signed cookie. `python -m rag.web.bench.floor PORT`
"""

from __future__ import annotations

import json
import secrets
import sys

import uvicorn
from langchain_core.messages import AIMessage, HumanMessage, message_to_dict
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from rag.knowledge import open_library
from rag.services import settle
from rag.sessions import connect
from rag.settings import load

ANSWER = "You can return an item within 30 days of delivery [1]. Members of Plus have 60 days [1]."
LAST, SOURCES = 40, 4


def application() -> Starlette:
    settings = load()
    library = open_library(settings)
    client = connect(settings.redis_url, state_dir=settings.state_dir)
    stored = json.dumps(message_to_dict(AIMessage(ANSWER)))

    def turn(session_id: str, text: str) -> int:
        read = client.pipeline(transaction=False)
        read.lrange(session_id, -LAST, -1)
        history = read.execute()[0]
        found = library.search(text, SOURCES, session_id)
        prompt = "\n".join([*(passage.text for passage in found), *map(str, history), text])
        write = client.pipeline(transaction=False)
        write.rpush(session_id, json.dumps(message_to_dict(HumanMessage(text))), stored)
        write.expire(session_id, settings.session_ttl_seconds)
        return int(write.execute()[0]) // 2 if prompt else 0

    async def chat(request: Request) -> JSONResponse:
        message = (await request.json())["message"]
        session_id = request.cookies.get("session") or secrets.token_hex(16)
        number = await run_in_threadpool(turn, session_id, message)
        answer = JSONResponse({"answer": ANSWER, "turn": number, "session": session_id, "model": "none"})
        if "session" not in request.cookies:
            answer.set_cookie("session", session_id)
        return answer

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    settle()  # as the application does when it has started
    return Starlette(routes=[Route("/api/chat", chat, methods=["POST"]), Route("/healthz", healthz)])


if __name__ == "__main__":
    uvicorn.run(application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
