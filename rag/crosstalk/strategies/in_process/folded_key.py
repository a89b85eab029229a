"""Histories by session id, and an id that is “cleaned up” before it becomes a key."""

from __future__ import annotations

from collections import defaultdict

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, pair, question


def key(session: str) -> str:
    return session.strip().lower()  # the bug


class FoldedKey(Strategy):
    name = "folded-key"
    lesson = "Ids are exact. Lower-cased, trimmed or split, two of them become one, and so do their sessions."
    wrong = "The key is the session id in lower case, so sessions whose ids differ only by case share a history."
    seen = ("langchain-redis 0.2.6 and redisvl 0.28: `alice` reads and clears `Alice`",)
    fix = "Use ids as they are. If some characters cannot be in a key, escape them by a rule that has an inverse."
    expects = frozenset({"foreign-read", "foreign-write", "key-collision"})
    may = frozenset({"stale-prompt", "swapped-answer"})
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)

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
