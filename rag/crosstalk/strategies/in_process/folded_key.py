"""Histories by session id, and an id that is “cleaned up” before it becomes a key."""

from __future__ import annotations

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Message, PerSession, Steps, pair, question


def key(session: str) -> str:
    return session.strip().lower()  # the bug


class FoldedKey(PerSession):
    name = "folded-key"
    title = "Session ids in lower case"
    place = 190
    lesson = "Ids are exact. Lower-cased, trimmed or split, two of them become one, and so do their sessions."
    wrong = "The key is the session id in lower case, so sessions whose ids differ only by case share a history."
    seen = ("langchain-redis 0.2.6 and redisvl 0.28: `alice` reads and clears `Alice`",)
    fix = "Use ids as they are. If some characters cannot be in a key, escape them by a rule that can be reversed."
    expects = kinds(kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.KEY_COLLISION)
    may = kinds(kind.STALE_PROMPT, kind.SWAPPED_ANSWER)

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[key(asked.session)])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.histories[key(asked.session)].extend(pair(asked, answer))
        return answer

    def history(self, session: str) -> list[Message]:
        return list(self.histories[key(session)])
