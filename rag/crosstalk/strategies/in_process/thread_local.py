"""The open session kept in a thread-local. Threads of a pool are used again, by others."""

from __future__ import annotations

import threading
from collections import defaultdict

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, pair, question


class ThreadLocal(Strategy):
    name = "thread-local"
    lesson = "A thread of a pool outlives the request: what is left on it meets the next user."
    wrong = (
        "The first turn opens the session's history and puts it on the thread, later turns take what is there. Which "
        "thread a turn runs on is chance: it holds the history of the last user whose first turn ran on it."
    )
    seen = ("ogx#5221",)
    fix = "Do not keep users on threads. Look the history up by the session id that the request brings."
    expects = frozenset({"amnesia", "foreign-read", "foreign-write", "lost-append"})
    may = frozenset({"backward-read", "stale-prompt", "swapped-answer"})
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)
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

    def history(self, session: str) -> list[Message]:
        return list(self.histories[session])
