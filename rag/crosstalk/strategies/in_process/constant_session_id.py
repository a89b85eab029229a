"""Histories by session id, done right, and a session id that is the same for everybody."""

from __future__ import annotations

from collections import defaultdict

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, pair, question


class ConstantSessionId(Strategy):
    name = "constant-session-id"
    lesson = "A store by session id is a shared buffer when every request calls itself “default”."
    wrong = (
        "The example that was copied had a fixed session id, to be replaced later. Every user reads and writes the one "
        "history of that id."
    )
    seen = (
        "langchain-ai/streamlit-agent basic_memory.py",
        "spring-projects/spring-ai#1585",
        "upstash/rag-chat#103",
    )
    fix = "Take the id from a signed cookie or a login, have no default for it, and refuse a turn that brings none."
    expects = frozenset({"foreign-read", "foreign-write", "key-collision"})
    may = frozenset({"stale-prompt", "swapped-answer"})
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)

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
