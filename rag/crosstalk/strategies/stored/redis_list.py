"""The classic design: a Redis list for each session, RPUSH and EXPIRE for each message."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rag.crosstalk.strategies.base import Asked, Message, Steps, Strategy, question
from rag.crosstalk.strategies.stored.keys import unlink


class RedisList(Strategy):
    name = "redis-list"
    lesson = "A list for each session leaks nothing. Question and answer are pushed apart, so two tabs tear turns."
    wrong = (
        "Each push is atomic, a turn is not: another tab's messages come between question and answer, and neither tab "
        "knows of the other's turn. A turn that is cancelled between the pushes leaves a question without an answer."
    )
    seen = ("run-llama/llama_index PR #22963", "the per-message TTL of langchain-redis 0.2.6")
    fix = "Hold the session for the length of a turn and push the pair at once: SessionStore.turn."
    uses_redis = True
    expects_tabs = frozenset({"interleaved-turns", "stale-prompt"})
    expects_cancelled = frozenset({"torn-turn"})
    may = frozenset({"mid-turn-read"})

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

    def key(self, session: str) -> str:
        return f"{self.lab.prefix}list:{session}"

    def forget(self, sessions: Sequence[str]) -> None:
        unlink(self.lab.redis, [self.key(session) for session in sessions])
