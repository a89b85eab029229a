"""The same service, mended: a signed cookie says whose turn it is, and the store holds that session for the turn."""

from __future__ import annotations

import os
import secrets

from fastapi import FastAPI, Request
from langchain_core.messages import HumanMessage
from model import Repeating
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

from crosswire import SessionStore, connect

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SESSION_SECRET") or secrets.token_hex(32))
model = Repeating()
store = SessionStore(connect(os.environ.get("REDIS_URL", "embedded")), ttl=3600)


class Asked(BaseModel):
    message: str


@app.post("/chat")
def chat(asked: Asked, request: Request) -> dict[str, str]:
    session_id = request.session.setdefault("id", secrets.token_urlsafe(32))
    with store.turn(session_id) as turn:
        question = HumanMessage(asked.message)
        reply = model.invoke([*turn.messages, question])
        turn.commit([question, reply])
    return {"reply": reply.text}
