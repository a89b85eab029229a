"""What one user alone typed, and was seen elsewhere afterwards: found canaries, where a log has no planted ones.

What was told to anybody before its user typed it is public, and what several typed is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.crosstalk.log.foreign.exchange import Exchange
from rag.crosstalk.log.foreign.found import TYPED, own
from rag.crosstalk.log.foreign.people import Person, shared


@dataclass(slots=True)
class _Typed:
    """owner: None: several. op: the turn in which it was typed first. elsewhere: whether another user was shown it."""

    owner: str | None
    op: int
    written: str
    elsewhere: bool = False


def own_texts(turns: Sequence[Exchange], people: Sequence[Person]) -> Iterator[tuple[int, str]]:
    """(op, text) of what one user alone typed, and what was seen elsewhere afterwards."""
    typed: dict[str, _Typed] = {}
    public: set[str] = set()
    known: dict[str, dict[str, str]] = {}
    for _, ends, op in sorted(_moments(turns)):
        turn, person = turns[op], people[op]
        if not ends:
            for text, written in own(turn.text).items() if len(turn.text) <= TYPED else ():
                there = typed.setdefault(text, _Typed(person.user, op, written))
                there.owner = there.owner if there.owner == person.user else None
            continue
        for told in _told(turn):
            if told not in known:
                known[told] = own(told)
            for text in known[told]:
                there_too = typed.get(text)
                if there_too is None:
                    public.add(text)
                elif there_too.owner != person.user:
                    there_too.elsewhere = True
    together = shared(people)
    for text, one in typed.items():
        alone = one.owner is not None and people[one.op].session not in together
        if one.elsewhere and alone and text not in public:
            yield one.op, one.written


def _moments(turns: Sequence[Exchange]) -> Iterator[tuple[float, bool, int]]:
    for op, turn in enumerate(turns):
        yield turn.t, False, op
        yield turn.t_end, True, op


def _told(turn: Exchange) -> Iterable[str]:
    if turn.answer is not None:
        yield turn.answer
    yield from (message.text for message in turn.prompt or ())
