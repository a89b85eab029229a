"""What a page shows of a run besides its report, read from the operation log: what was said, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.crosstalk.log.events import Event, Fail, History, Info, Invoke, Message, Ok, Prompt, Retrieved, read

LANES = 60
"""Users whose turns are drawn against time; more could not be told apart."""


@dataclass(slots=True)
class TurnSeen:
    """One turn, as the log tells it. at: seconds. end: ok, fail, info, or empty while it has none."""

    op: int
    user: str
    session: str
    tab: int
    at: float
    text: str
    ended: float = 0.0
    end: str = ""
    answer: str = ""
    prompt: tuple[Message, ...] = ()
    retrieved: tuple[str, ...] = ()
    plants: tuple[str, ...] = ()


@dataclass(slots=True)
class Transcript:
    """What one session's turns were, in the order in which they were sent, and what is stored of it at the end."""

    session: str
    user: str
    turns: list[TurnSeen] = field(default_factory=list)
    stored: tuple[Message, ...] = ()


def transcripts(log: Path, users: Collection[str]) -> dict[str, Transcript]:
    """By user. Reads the log once, and keeps these users' part of it."""
    found: dict[str, Transcript] = {}
    turns: dict[int, TurnSeen] = {}
    sessions: dict[str, Transcript] = {}
    for event in _events(log):
        if isinstance(event, Invoke):
            if event.user in users:
                turn = TurnSeen(
                    event.op, event.user, event.session, event.tab, event.t, event.text, plants=event.plants
                )
                turns[event.op] = turn
                one = found.setdefault(event.user, Transcript(event.session, event.user))
                sessions[event.session] = one
                one.turns.append(turn)
        elif isinstance(event, History):
            if event.session in sessions:
                sessions[event.session].stored = event.messages
        elif isinstance(event, Prompt | Retrieved | Ok | Fail | Info) and (known := turns.get(event.op)):
            _take(known, event)
    return found


def lanes(log: Path, first: Sequence[str] = (), most: int = LANES) -> list[TurnSeen]:
    """The turns of the first users that spoke, those of `first` before all; texts are left out."""
    users = dict.fromkeys(first[:most])
    for event in _events(log):
        if len(users) >= most:
            break
        if isinstance(event, Invoke):
            users.setdefault(event.user)
    turns: dict[int, TurnSeen] = {}
    for event in _events(log):
        if isinstance(event, Invoke) and event.user in users:
            turns[event.op] = TurnSeen(event.op, event.user, event.session, event.tab, event.t, "")
        elif isinstance(event, Ok | Fail | Info) and (known := turns.get(event.op)):
            known.ended, known.end = event.t, type(event).__name__.lower()
    order = {user: number for number, user in enumerate(users)}
    return sorted(turns.values(), key=lambda turn: (order[turn.user], turn.tab, turn.at))


def _take(turn: TurnSeen, event: Prompt | Retrieved | Ok | Fail | Info) -> None:
    if isinstance(event, Prompt):
        turn.prompt = event.messages
    elif isinstance(event, Retrieved):
        turn.retrieved = tuple(document.text for document in event.documents)
    else:
        turn.ended, turn.end = event.t, type(event).__name__.lower()
        if isinstance(event, Ok):
            turn.answer = event.answer


def _events(log: Path) -> Iterator[Event]:
    with log.open("rb") as lines:
        yield from read(lines)
