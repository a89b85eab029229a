"""What a phone and the wall are shown of a room, as JSON takes it."""

from __future__ import annotations

from typing import Any

from rag.crosstalk.room.act import Act, Turn
from rag.crosstalk.room.people import Person
from rag.crosstalk.room.room import Room
from rag.crosstalk.room.talk import QUESTIONS
from rag.crosstalk.strategies import STRATEGIES

NEWEST_TURNS, NEWEST_LEAKS = 30, 150
"""On a phone; on the wall: more than can come between two looks of it."""


def phone(room: Room, someone: Person, now: float) -> dict[str, Any]:
    """Their own conversation with this memory, and who was shown their secret. Of others no word."""
    act = room.act
    shown = dict.fromkeys(leak.user for leak in room.leaks_of(someone))
    return {
        "act": len(room.acts),
        "ended": room.ended is not None,
        "left": round(max(0.0, room.expires - now)),
        "known": act.knows(someone),
        "busy": someone.number in act.busy,
        "you": _person(someone) | {"secret": someone.secret},
        "people": len(room.people) - len(room.out),
        "turns": [_turn(room, turn) for turn in act.turns_of(someone)[-NEWEST_TURNS:]],
        "shown": [_person(room.people[number]) for number in shown],
        "questions": [{"key": one.key, "text": one.text} for one in QUESTIONS],
    }


def wall(room: Room, now: float) -> dict[str, Any]:
    """Everybody, and who was shown whose secret, in this act."""
    act, busy = room.act, room.act.busy
    last = {leak.user: leak.owner for leak in act.leaks}
    return {
        "version": room.version,
        "code": room.code,
        "act": len(room.acts),
        "ended": room.ended is not None,
        "left": round(max(0.0, room.expires - now)),
        "memory": _memory(act),
        "choices": {
            side: {"name": name, "title": STRATEGIES[name].title}
            for side, name in (("wrong", room.wrong), ("right", room.right))
        },
        "people": [
            _person(one)
            | {
                "away": room.away(one, now),
                "out": one.number in room.out,
                "busy": one.number in busy,
                "turns": len(act.turns_of(one)),
                "shown": last.get(one.number, -1),
            }
            for one in room.people
        ],
        "leaks": [{"op": one.op, "user": one.user, "owner": one.owner} for one in act.leaks[-NEWEST_LEAKS:]],
        "sentence": act.leaks[-1].sentence if act.leaks else act.verdict,
        "reached": len(last),
        "asked": len({turn.person.number for turn in act.turns.values()}),
        "turns": len(act.turns),
    }


def _person(one: Person) -> dict[str, Any]:
    return {"number": one.number, "name": one.name, "colour": one.colour}


def _turn(room: Room, turn: Turn) -> dict[str, Any]:
    leaks = [_person(room.people[leak.owner]) | {"secret": leak.secret} for leak in turn.leaks]
    return {"op": turn.op, "question": turn.question, "answer": turn.answer, "failed": turn.failed, "leaks": leaks}


def _memory(act: Act) -> dict[str, Any]:
    return {"name": act.memory, "title": act.kind.title, "lesson": act.kind.lesson, "wrong": bool(act.kind.expects)}
