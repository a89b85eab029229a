"""The whole history as one JSON value in Redis: GET, answer, SET."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rag.crosstalk.strategies.base import Asked, Message, Steps, Strategy, pair, question
from rag.crosstalk.strategies.stored.keys import unlink


class RedisGetSet(Strategy):
    name = "redis-get-set"
    lesson = "Read, change, write: whoever writes last wipes out what came in between."
    wrong = (
        "Users are apart. Two tabs of one session read the same value, each adds its turn, and the second SET replaces "
        "the first one's: an answer that was given is gone."
    )
    seen = ("langgraph-redis PR #79",)
    fix = (
        "Append instead of replacing, and make it depend on what was read (WATCH, a version, or a lock on the session)."
    )
    uses_redis = True
    expects_tabs = frozenset({"lost-update"})
    may = frozenset({"amnesia", "backward-read", "lost-append"})

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

    def key(self, session: str) -> str:
        return f"{self.lab.prefix}value:{session}"

    def forget(self, sessions: Sequence[str]) -> None:
        unlink(self.lab.redis, [self.key(session) for session in sessions])
