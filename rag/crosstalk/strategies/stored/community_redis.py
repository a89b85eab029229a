"""LangChain community's RedisChatMessageHistory, made for each request as its documentation shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, question
from rag.crosstalk.strategies.plain_messages import plain
from rag.crosstalk.strategies.stored.keys import unlink

if TYPE_CHECKING:
    from langchain_community.chat_message_histories import RedisChatMessageHistory


class CommunityRedis(Strategy):
    name = "community-redis"
    lesson = "The popular class is the classic list: users are apart, two tabs tear each other's turns."
    wrong = (
        "One LPUSH a message, so a turn is two writes with room for another tab's between them; and nothing ties the "
        "write to the read. Each request also opens a connection of its own."
    )
    seen = ("langchain_community.chat_message_histories.RedisChatMessageHistory, 0.4",)
    fix = "Hold the session for the length of a turn and push the pair at once: SessionStore.turn."
    uses_redis = True
    expects_tabs = frozenset({"interleaved-turns", "stale-prompt"})
    expects_cancelled = frozenset({"torn-turn"})
    may = frozenset({"mid-turn-read"})

    def __init__(self, lab: Lab) -> None:
        from langchain_community.chat_message_histories import RedisChatMessageHistory

        super().__init__(lab)
        self.kind = RedisChatMessageHistory
        self.url = lab.plain_redis_url

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        stored = self.of(asked.session)
        history = plain(stored.messages)
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save question"
        stored.add_user_message(asked.text)  # the bug
        yield "save answer"
        stored.add_ai_message(answer)  # the bug
        return answer

    def history(self, session: str) -> list[Message]:
        return plain(self.of(session).messages)

    def of(self, session: str) -> RedisChatMessageHistory:
        return self.kind(session, url=self.url, key_prefix=f"{self.lab.prefix}community:", ttl=self.lab.ttl)

    def forget(self, sessions: Sequence[str]) -> None:
        unlink(self.lab.redis, [f"{self.lab.prefix}community:{session}" for session in sessions])
