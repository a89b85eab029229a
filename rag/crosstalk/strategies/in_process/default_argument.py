"""A helper with `history=[]`: Python makes that list once, when it reads the function."""

from __future__ import annotations

from collections.abc import Callable

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, question


def make_remember() -> Callable[..., list[Message]]:
    """As if a module were read: one function, and with it one list, for a run."""

    def remember(*messages: Message, history: list[Message] = []) -> list[Message]:  # noqa: B006 # the bug
        history.extend(messages)
        return history

    return remember


class DefaultArgument(Strategy):
    name = "default-argument"
    title = "History in a default argument"
    place = 50
    lesson = "A mutable default is created once: a history that nobody passes in is everyone's."
    wrong = (
        "`def remember(..., history=[])` looks like an empty history for each call. It is one list for the whole "
        "process, so all users' messages pile up in it."
    )
    seen = ("the shared global of gradio-app/gradio#743, #10462, in Python's favourite disguise",)
    fix = "Use `history=None` and create the list inside; better, make the history an argument without a default."
    expects = kinds(kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.KEY_COLLISION)
    expects_cancelled = kinds(kind.TORN_TURN)
    may = kinds(kind.INTERLEAVED_TURNS, kind.MID_TURN_READ, kind.STALE_PROMPT, kind.SWAPPED_ANSWER)
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.remember = make_remember()

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.remember())
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save question"
        self.remember(question(asked))
        yield "save answer"
        self.remember(Message("assistant", answer))
        return answer

    def history(self, session: str) -> list[Message]:
        del session
        return list(self.remember())
