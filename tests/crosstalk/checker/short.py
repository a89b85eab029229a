"""Logs of a few turns, written out: who says what and when, and what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.log.events import Event, Fail, History, Info, Invoke, Message, Ok

ADAS = "LK-7Q2M-X9PD-4TRW8"
BENS = "LK-QQ3V-88HZ-MN5K2"


def turn(
    op: int,
    user: str,
    t: float,
    text: str,
    answer: str | None,
    *,
    until: float = 0,
    plants: Sequence[str] = (),
    expects: Sequence[str] = (),
    window: int | None = None,
) -> list[Event]:
    """It takes a second, unless it takes until then. answer None: it failed; empty: it was given up."""
    end = until or t + 1
    sent = Invoke(op, user, user.lower(), t, text, plants=tuple(plants), expects=tuple(expects), window=window)
    ended = Fail(op, end, "refused") if answer is None else Ok(op, end, answer) if answer else Info(op, end, "given up")
    return [sent, ended]


def stored(session: str, t: float, *texts: str, ops: Sequence[int] = ()) -> History:
    """Questions and answers in turn. ops: of each pair."""
    messages = [
        Message("assistant" if at % 2 else "user", text, ops[at // 2] if ops else None) for at, text in enumerate(texts)
    ]
    return History(session, t, tuple(messages))


def found(events: Iterable[Event]) -> list[tuple[str, int | None, str | None]]:
    """kind, op, session"""
    return [(one.kind, one.op, one.session) for one in check(events).anomalies]


def report(events: Iterable[Event]) -> Report:
    return check(events)


Q1, A1 = f"My order is {ADAS}.", "Noted, Ada."
Q2, A2 = f"My order is {BENS}.", "Noted, Ben."
Q3, A3 = "What is my order?", f"It is {ADAS}."
Q4, A4 = "My order, what is it?", f"It is {BENS}."

ADA_AND_BEN: list[Event] = [
    *turn(1, "Ada", 0, Q1, A1, plants=[ADAS]),
    *turn(2, "Ben", 2, Q2, A2, plants=[BENS]),
    *turn(3, "Ada", 4, Q3, A3, expects=[ADAS]),
    *turn(4, "Ben", 6, Q4, A4, expects=[BENS]),
]
"""Each states an order and asks for it, one after the other: turns 1 and 3 are Ada's."""
OF_ADA = (Q1, A1, Q3, A3)
OF_BEN = (Q2, A2, Q4, A4)
