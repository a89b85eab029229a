"""Plays strategies in two threads under frontrun, another explorer, and prints its verdicts as JSON.

Run by test_other_explorer.py: frontrun has to be there before anything makes a lock.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.crosstalk import Lab
from rag.crosstalk.explore.explorer import make_scene
from rag.crosstalk.explore.scenes import Said, answer
from rag.crosstalk.log.events import Message
from rag.crosstalk.strategies import Asked, Strategy, find


@dataclass
class Place:
    """A memory with two turns to play on it, each in a thread."""

    memory: Strategy
    asked: list[Asked] = field(default_factory=list)
    prompts: dict[int, list[str]] = field(default_factory=dict)

    def play(self, number: int) -> None:
        for _ in self.memory.turn(self.asked[number]):
            pass


def place(name: str, lab: Lab, *, tabs: bool) -> Place:
    made = Place(find(name)(lab))
    for actor in make_scene(tabs=tabs).actors():
        said = actor.turns[0]
        made.asked.append(
            Asked(said.op, actor.user, actor.session, said.text, asking(made, said), lambda documents: None)
        )
    return made


def asking(made: Place, said: Said) -> Callable[[Sequence[Message]], str]:
    def ask(messages: Sequence[Message]) -> str:
        made.prompts[said.op] = [message.text for message in messages]
        return answer(messages, said.mark)

    return ask


def both_stored(made: Place) -> bool:
    stored = {message.text for asked in made.asked for message in made.memory.history(asked.session)}
    return all(asked.text in stored for asked in made.asked)


def one_saw_the_other(made: Place) -> bool:
    first, second = made.asked
    return first.text in made.prompts[second.op] or second.text in made.prompts[first.op]


def nobody_saw_the_other(made: Place) -> bool:
    return not one_saw_the_other(made)


HOLDS: dict[str, Callable[[Place], bool]] = {
    "lost-update": both_stored,
    "stale-prompt": one_saw_the_other,
    "foreign-read": nobody_saw_the_other,
}


def verdict(name: str, kind: str, lab: Lab) -> bool:
    """Whether frontrun finds no way to this anomaly."""
    import frontrun

    found: Any = frontrun.explore(
        setup=lambda: place(name, lab, tabs=kind != "foreign-read"),
        workers=[lambda made: made.play(0), lambda made: made.play(1)],
        invariant=HOLDS[kind],
        detect_io=False,
        reproduce_on_failure=0,
        trace_packages=["rag.crosstalk.*"],
        total_timeout=30,
    )
    return bool(found.property_holds)


if __name__ == "__main__":
    with Lab(Path(sys.argv[1])) as lab:
        json.dump([verdict(name, kind, lab) for name, kind in json.load(sys.stdin)], sys.stdout)
