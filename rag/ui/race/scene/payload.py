"""What a browser needs to play a scene: its moments as plain data, each part of them told once. Nothing in it is
anybody's: the lab's texts are fixed.

A text is a list of pieces, (words, owner): owner is the letter of the person whose address it is, with `!` where it is
shown to somebody else, and empty for all other words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.explore.outcomes import Outcome
from rag.crosstalk.explore.scenes import LETTERS, PEOPLE, Scene
from rag.crosstalk.explore.stepping import Texts
from rag.ui.palette import OWNERS
from rag.ui.race.scene import narration
from rag.ui.race.scene.code_listing import listing
from rag.ui.race.scene.narration import owner_of
from rag.ui.race.scene.replay import Actor, Look
from rag.ui.race.scene.state_graph import Moment

_ADDRESS = re.compile("|".join(re.escape(address) for _, address in PEOPLE))
_OWNER = {address: letter for letter, (_, address) in zip(LETTERS, PEOPLE, strict=True)}
Pieces = list[tuple[str, str]]
Goals = Callable[[Outcome], Mapping[str, str]]
"""Of a run that ended: for each goal the words why it was missed, empty where it was reached."""


def payload(strategy: str, scene: Scene, moments: Sequence[Moment], goals: Goals = lambda _: {}) -> dict[str, Any]:
    """`moments` holds [to, choices, busy, actors, store, end]; the last three are places in the tables beside it, and
    `to` is by letter the next moment and the step in words."""
    lines = listing(strategy)
    spots = {line.place: number for number, line in enumerate(lines) if line.place is not None}
    actors, stores, ends, told = _Table(), _Table(), _Table(), _Table()
    shown = []
    for one in moments:
        look = one.look
        shown.append(
            [
                {letter: [there, told.of(said, _said, said)] for letter, (there, said) in one.to.items()},
                "".join(look.choices),
                one.busy,
                [actors.of(who, _actor, who, scene, spots) for who in look.actors],
                stores.of((look.stored, look.shared, look.copies, look.unread), _store, look),
                -1 if look.outcome is None else ends.of(look.outcome, _end, look.outcome, goals),
            ]
        )
    people = moments[0].look.actors
    return {
        "people": [{"letter": one.letter, "name": one.name, "short": one.name.rpartition(", ")[2]} for one in people],
        "colours": {one.letter: OWNERS[one.letter] for one in people},
        "code": [[line.pieces, line.bug] for line in lines],
        "moments": shown,
        "actors": actors.rows,
        "stores": stores.rows,
        "ends": ends.rows,
        "told": told.rows,
        "steps": max((len(one.look.schedule) for one in moments), default=0),
    }


class _Table:
    """Rows by what they are made of."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self._known: dict[Hashable, int] = {}

    def of(self, key: Hashable, make: Callable[..., Any], *given: Any) -> int:
        number = self._known.setdefault(key, len(self.rows))
        if number == len(self.rows):
            self.rows.append(make(*given))
        return number


def _actor(who: Actor, scene: Scene, spots: dict[Any, int]) -> dict[str, Any]:
    mine = "" if scene.tabs else who.letter
    return {
        "label": who.label,
        "blocked": who.blocked,
        "waiting": who.waiting,
        "line": spots.get(who.place, -1),
        "bubbles": [[role, _pieces(text, mine)] for role, text in who.bubbles],
    }


def _pieces(text: str, reader: str = "") -> Pieces:
    """reader: the letter of who sees it; empty: nobody to whom an address could be foreign."""
    found, place = list[tuple[str, str]](), 0
    for one in _ADDRESS.finditer(text):
        if one.start() > place:
            found.append((text[place : one.start()], ""))
        owner = _OWNER[one[0]]
        found.append((one[0], f"{owner}!" if reader and owner != reader else owner))
        place = one.end()
    if place < len(text):
        found.append((text[place:], ""))
    return found


def _said(said: str) -> list[tuple[str, bool]]:
    """Words, and whether they are strong."""
    return [(words, bool(number % 2)) for number, words in enumerate(said.split("**")) if words]


def _store(look: Look) -> dict[str, Any]:
    names = {actor.letter: actor.name for actor in look.actors}
    if look.shared or len(look.stored) == 1:
        title = "One shared list" if len(look.stored) > 1 else f"{names['A'].split(',')[0]}'s session"
        boxes = [_box(title, "".join(names), look.stored[0][1])]
    else:
        boxes = [
            _box(f"{name}'s session", letter, messages)
            for (letter, name), (_, messages) in zip(names.items(), look.stored, strict=False)
        ]
    copies = [_box(f"{names[letter]}: {name}", letter, messages, copy=True) for letter, name, messages in look.copies]
    waiting = [_box("In the pool: a reply nobody has read", "", messages, copy=True) for messages in look.unread]
    return {"boxes": boxes + copies + waiting}


def _box(title: str, users: str, messages: Texts, *, copy: bool = False) -> dict[str, Any]:
    """users: the letters of those whose it is."""
    return {
        "title": title,
        "users": users,
        "copy": copy,
        "messages": [[role, owner_of(text) or "", _pieces(text)] for role, text in messages],
    }


def _end(outcome: Outcome, goals: Goals) -> dict[str, Any]:
    return {
        "tone": "bad" if outcome.kinds else "good" if outcome.right else "unknown",
        "group": outcome.group.name if outcome.group else "right" if outcome.right else "",
        "said": narration.told(outcome),
        "kinds": [[kind, DEFINITIONS[kind].text if kind in DEFINITIONS else ""] for kind in outcome.kinds],
        "goals": dict(goals(outcome)),
    }
