"""A pool of connections in a few lines: a reply that nobody read is met by whoever takes the connection next."""

from __future__ import annotations

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, PerSession, Steps, question


class ReusedConnection(PerSession):
    lesson_only = True
    name = "lesson-reused-connection"
    place = 11
    lesson = "A connection goes back to the pool although a reply is still to be read from it."
    wrong = "A turn is cancelled between command and reply. Whoever takes its connection next reads that reply."
    fix = "Close a connection whose reply was not read."
    seen = ("redis/redis-py#2624, #2665: ChatGPT, March 2023",)
    expects_tabs = kinds(kind.INTERLEAVED_TURNS, kind.MID_TURN_READ)
    expects_cancelled = kinds(kind.FOREIGN_READ)
    may = kinds(kind.FOREIGN_WRITE, kind.AMNESIA, kind.TORN_TURN)
    cancels = 0.1

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.idle: list[list[list[Message]]] = []

    def turn(self, asked: Asked) -> Steps:
        yield "save question"
        self.histories[asked.session].append(question(asked))
        yield "load: send the command"
        replies = self.idle.pop() if self.idle else []
        replies.append([*self.histories[asked.session]])
        try:
            yield "load: read the reply"
            history = replies.pop(0)
        finally:
            self.idle.append(replies)  # the bug
        yield "ask"
        answer = asked.ask(history)
        yield "save answer"
        message = Message("assistant", answer)
        self.histories[asked.session].append(message)
        return answer

    def unread(self) -> list[list[Message]]:
        """What the race lab shows beside the histories: the replies that wait in the pool."""
        return [reply for replies in self.idle for reply in replies]
