"""The user in a context variable that is set and never reset. A worker serves many users in one context."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextvars import Context, ContextVar

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, pair, question

current_session: ContextVar[str] = ContextVar("current_session")


def enter(session: str) -> str:
    """What the request's middleware does. Returns the session that everything below it sees."""
    if current_session.get(None) is None:  # the bug
        current_session.set(session)  # the bug
    return current_session.get()


class ContextVariable(Strategy):
    name = "context-variable"
    lesson = "A context variable that is set and not reset makes every later request the first one's user."
    wrong = (
        "The middleware names the user in a context variable unless there is one already, and nobody takes it back. A "
        "worker runs all of its requests in one context, so everybody whom it serves is its first user."
    )
    seen = ("ogx#5221",)
    fix = "Set it on every request and reset it with the token in a `finally`; better, pass the session id on."
    expects = frozenset({"amnesia", "foreign-read", "foreign-write", "lost-append"})
    may = frozenset({"backward-read", "stale-prompt", "swapped-answer"})
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)
        self.worker = threading.local()

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        session = self.context().run(enter, asked.session)
        history = list(self.histories[session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.histories[session].extend(pair(asked, answer))
        return answer

    def history(self, session: str) -> list[Message]:
        return list(self.histories[session])

    def context(self) -> Context:
        """The context that this worker runs its requests in."""
        if not hasattr(self.worker, "context"):
            self.worker.context = Context()
        context: Context = self.worker.context
        return context
