"""The open session kept in a thread-local. Threads of a pool are used again, by others."""

from __future__ import annotations

import threading

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, PerSession, Steps, pair, question


class ThreadLocal(PerSession):
    name = "thread-local"
    title = "History on the thread"
    place = 60
    lesson = "A pool's thread outlives the request: what is left on it meets the next user."
    wrong = (
        "The first turn opens the session's history and puts it on the thread; later turns take whatever is there. "
        "Which thread a turn runs on is chance: it holds the history of the last user whose first turn ran on it."
    )
    seen = ("ogx#5221",)
    fix = "Do not keep users on threads. Look the history up by the session id that comes with the request."
    expects = kinds(kind.AMNESIA, kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.LOST_APPEND)
    may = kinds(kind.BACKWARD_READ, kind.STALE_PROMPT, kind.SWAPPED_ANSWER)

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.here = threading.local()

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        if asked.session not in self.histories or not hasattr(self.here, "history"):
            self.here.history = self.histories[asked.session]
        history = self.here.history  # the bug
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        history.extend(pair(asked, answer))
        return answer
