"""The service of the incident: a memory is made when it starts, and serves everybody."""

from __future__ import annotations

from fastapi import FastAPI
from langchain_classic.memory import ConversationBufferMemory
from model import Repeating
from pydantic import BaseModel

app = FastAPI()
model = Repeating()
memory = ConversationBufferMemory(return_messages=True)  # the bug: whose is it?


class Asked(BaseModel):
    message: str


@app.post("/chat")
def chat(asked: Asked) -> dict[str, str]:
    memory.chat_memory.add_user_message(asked.message)
    reply = model.invoke(memory.chat_memory.messages)
    memory.chat_memory.add_ai_message(reply.text)
    return {"reply": reply.text}
