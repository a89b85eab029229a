"""The whole history as one JSON value in Redis: GET, answer, SET."""

from __future__ import annotations

import json

from rag.crosstalk.checker.anomalies import AMNESIA, BACKWARD_READ, LOST_APPEND, LOST_UPDATE, kinds
from rag.crosstalk.strategies.base import Asked, Message, Steps, pair, question
from rag.crosstalk.strategies.stored.keys import RedisKeyed


class RedisGetSet(RedisKeyed):
    name = "redis-get-set"
    title = "Redis: GET, change, SET"
    place = 120
    lesson = "Read, change, write: whoever writes last wipes out what came in between."
    wrong = (
        "Users are kept apart. Two tabs of one session read the same value, each adds its turn, and the second SET "
        "replaces the first: an acknowledged answer is gone."
    )
    seen = ("langgraph-redis PR #79",)
    fix = (
        "Append instead of replacing, and make the write depend on the read (WATCH, a version, or a lock on the "
        "session)."
    )
    part = "value"
    expects_tabs = kinds(LOST_UPDATE)
    may = kinds(AMNESIA, BACKWARD_READ, LOST_APPEND)

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = self.history(asked.session)
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save history"
        messages = [[message.role, message.text] for message in [*history, *pair(asked, answer)]]
        self.lab.redis.set(self.key(asked.session), json.dumps(messages), ex=self.lab.ttl)  # the bug
        return answer

    def history(self, session: str) -> list[Message]:
        stored = self.lab.redis.get(self.key(session))
        return [Message(*message) for message in json.loads(stored)] if stored else []
