"""The classic design: a Redis list for each session, RPUSH and EXPIRE for each message."""

from __future__ import annotations

import json

from rag.crosstalk.checker.anomalies import INTERLEAVED_TURNS, MID_TURN_READ, STALE_PROMPT, TORN_TURN, kinds
from rag.crosstalk.strategies.base import Asked, Message, Steps, question
from rag.crosstalk.strategies.stored.keys import RedisKeyed


class RedisList(RedisKeyed):
    name = "redis-list"
    title = "Redis list, two pushes per turn"
    place = 130
    lesson = "A list for each session leaks nothing. Question and answer are pushed separately, so two tabs tear turns."
    wrong = (
        "Each push is atomic, but a turn is not: another tab's messages get between question and answer, and neither "
        "tab knows of the other's turn. A turn cancelled between the pushes leaves a question without an answer."
    )
    seen = ("run-llama/llama_index PR #22963", "the per-message TTL of langchain-redis 0.2.6")
    fix = "Hold the session for the whole turn and push the pair in one write: SessionStore.turn."
    part = "list"
    expects_tabs = kinds(INTERLEAVED_TURNS, STALE_PROMPT)
    expects_cancelled = kinds(TORN_TURN)
    may = kinds(MID_TURN_READ)

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = self.history(asked.session)
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save question"
        self.push(asked.session, question(asked))  # the bug
        yield "save answer"
        self.push(asked.session, Message("assistant", answer))  # the bug
        return answer

    def push(self, session: str, message: Message) -> None:
        redis, key = self.lab.redis, self.key(session)
        redis.rpush(key, json.dumps([message.role, message.text]))
        redis.expire(key, self.lab.ttl)

    def history(self, session: str) -> list[Message]:
        return [Message(*json.loads(item)) for item in self.lab.redis.lrange(self.key(session), 0, -1)]
