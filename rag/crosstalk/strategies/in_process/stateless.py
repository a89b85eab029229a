"""No memory at all: each question is asked alone."""

from __future__ import annotations

from rag.crosstalk.strategies.base import Asked, Message, Steps, Strategy, question


class Stateless(Strategy):
    name = "stateless"
    title = "No memory at all"
    place = 200
    lesson = "Nothing is kept, so nothing leaks and nothing is remembered. Right for one-off questions."
    wrong = "Not a mix-up: a follow-up question finds no history, and the user has to say everything again."
    fix = "None where every question stands alone; otherwise a history for each session."
    keeps = False

    def turn(self, asked: Asked) -> Steps:
        yield "ask"
        return asked.ask([question(asked)])

    def history(self, session: str) -> list[Message]:
        del session
        return []
