"""The user in a context variable that is set and never reset. A worker serves many users in one context."""

from __future__ import annotations

import threading
from contextvars import Context, ContextVar

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, PerSession, Steps, pair, question

current_session: ContextVar[str] = ContextVar("current_session")


def enter(session: str) -> str:
    """What the request's middleware does. Returns the session that everything below it sees."""
    if current_session.get(None) is None:  # the bug
        current_session.set(session)  # the bug
    return current_session.get()


class ContextVariable(PerSession):
    name = "context-variable"
    title = "History in a context variable"
    place = 70
    lesson = "A context variable that is set but never reset turns every later request into the first one's user."
    wrong = (
        "The middleware puts the user in a context variable unless one is already set, and nobody resets it. A worker "
        "runs all its requests in one context, so everyone it serves is its first user."
    )
    seen = ("ogx#5221",)
    fix = "Set it on every request and reset it with the token in a `finally`; better, pass the session id along."
    expects = kinds(kind.AMNESIA, kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.LOST_APPEND)
    may = kinds(kind.BACKWARD_READ, kind.STALE_PROMPT, kind.SWAPPED_ANSWER)

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
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

    def context(self) -> Context:
        """The context that this worker runs its requests in."""
        if not hasattr(self.worker, "context"):
            self.worker.context = Context()
        context: Context = self.worker.context
        return context
