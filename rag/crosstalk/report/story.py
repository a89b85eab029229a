"""A few events told step by step, as somebody who looks at them together would: who sent what, and what came back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import Clear, Event, Fail, History, Info, Invoke, Message, Ok, Prompt, Retrieved


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one user. lines: (role, text). wrong: the anomaly shows here. t: seconds, where it is known."""

    user: str
    title: str
    lines: tuple[tuple[str, str], ...]
    t: float | None
    wrong: bool


def story(events: Iterable[Event], anomaly: Anomaly | None) -> list[Step]:
    return list(_steps(events, anomaly))


def _steps(events: Iterable[Event], anomaly: Anomaly | None) -> Iterator[Step]:
    turns: dict[int, Invoke] = {}
    users: dict[str, str] = {}
    for event in events:
        if isinstance(event, Invoke):
            turns[event.op] = event
            users[event.session] = event.user
            title = f"sends turn {event.op}" + (f" in tab {event.tab}" if event.tab else "")
            yield Step(event.user, title, (("user", event.text),), event.t, False)
        elif isinstance(event, History | Clear):
            user = users.get(event.session, event.session)
            here = anomaly is not None and anomaly.surface == "history" and anomaly.session == event.session
            yield _session_step(event, user, here)
        elif isinstance(event, Prompt | Retrieved | Ok | Fail | Info) and (turn := turns.get(event.op)):
            here = anomaly is not None and anomaly.op == event.op and anomaly.surface == _surface(event)
            yield _turn_step(event, turn.user, here)


def _session_step(event: History | Clear, user: str, wrong: bool) -> Step:
    if isinstance(event, Clear):
        return Step(user, "clears the history", (), event.t, wrong)
    return Step(user, "what is stored", _lines(event.messages), event.t, wrong)


def _turn_step(event: Prompt | Retrieved | Ok | Fail | Info, user: str, wrong: bool) -> Step:
    match event:
        case Prompt():
            return Step(user, f"prompt of turn {event.op}", _lines(event.messages), None, wrong)
        case Retrieved():
            found = tuple((f"{one.id}, of {one.owner}", one.text) for one in event.documents)
            return Step(user, f"retrieved for turn {event.op}", found, None, wrong)
        case Ok():
            return Step(user, f"is answered in turn {event.op}", (("assistant", event.answer),), event.t, wrong)
        case Fail():
            return Step(user, f"turn {event.op} fails", (("error", event.error),), event.t, wrong)
        case Info():
            return Step(user, f"turn {event.op} ends unknown", (("error", event.error),), event.t, wrong)


def _lines(messages: Iterable[Message]) -> tuple[tuple[str, str], ...]:
    return tuple((message.role, message.text) for message in messages)


def _surface(event: Event) -> str:
    match event:
        case Prompt():
            return "prompt"
        case Retrieved():
            return "retrieved"
        case _:
            return "answer"
