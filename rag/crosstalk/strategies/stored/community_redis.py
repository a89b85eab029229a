"""LangChain community's RedisChatMessageHistory, made for each request as its documentation shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.crosstalk.checker.anomalies import INTERLEAVED_TURNS, MID_TURN_READ, STALE_PROMPT, TORN_TURN, kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, question
from rag.crosstalk.strategies.plain_messages import plain
from rag.crosstalk.strategies.stored.keys import RedisKeyed

if TYPE_CHECKING:
    from langchain_community.chat_message_histories import RedisChatMessageHistory


class CommunityRedis(RedisKeyed):
    name = "community-redis"
    title = "LangChain community's Redis list"
    place = 140
    lesson = "The popular class is the classic list: users are kept apart, but two tabs tear each other's turns."
    wrong = (
        "Each message is one LPUSH, so a turn is two writes with room for another tab's between them, and nothing "
        "ties the write to the read. Each request also opens its own connection."
    )
    seen = ("langchain_community.chat_message_histories.RedisChatMessageHistory, 0.4",)
    fix = "Hold the session for the whole turn and push the pair in one write: SessionStore.turn."
    part = "community"
    expects_tabs = kinds(INTERLEAVED_TURNS, STALE_PROMPT)
    expects_cancelled = kinds(TORN_TURN)
    may = kinds(MID_TURN_READ)

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
        return self.kind(session, url=self.url, key_prefix=self.key(""), ttl=self.lab.ttl)
