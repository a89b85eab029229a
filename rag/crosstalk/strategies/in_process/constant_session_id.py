"""Histories by session id, done right, and a session id that is the same for everybody."""

from __future__ import annotations

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Message, PerSession, Steps, pair, question


class ConstantSessionId(PerSession):
    name = "constant-session-id"
    title = "One fixed session id"
    place = 40
    lesson = "A store keyed by session id is a shared buffer when every request calls itself “default”."
    wrong = (
        "The example that was copied had a fixed session id, meant to be replaced later. Every user reads and writes "
        "the one history of that id."
    )
    seen = (
        "langchain-ai/streamlit-agent basic_memory.py",
        "spring-projects/spring-ai#1585",
        "upstash/rag-chat#103",
    )
    fix = "Take the id from a signed cookie or a login, have no default for it, and refuse a turn without one."
    expects = kinds(kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.KEY_COLLISION)
    may = kinds(kind.STALE_PROMPT, kind.SWAPPED_ANSWER)

    def turn(self, asked: Asked) -> Steps:
        config = {"configurable": {"session_id": "any"}}  # the bug
        session = config["configurable"]["session_id"]
        yield "load"
        history = list(self.histories[session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.histories[session].extend(pair(asked, answer))
        return answer

    def history(self, session: str) -> list[Message]:
        del session
        return list(self.histories["any"])
