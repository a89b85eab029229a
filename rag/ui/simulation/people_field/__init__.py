"""The field: a cell for each person, in whose colour their data is; and the run again, turn by turn.

It is drawn in the browser from numbers and made-up names: it holds nothing that a user or a model wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.colours import colour
from rag.crosstalk.run.people import label
from rag.ui.components import component

NAMED = 5
"""People who are followed by name: the first ones."""


def draw(
    key: str,
    said: str,
    turns: int,
    done: Sequence[int],
    leaked: Sequence[int],
    told: Sequence[int],
    wrong: Collection[int] = (),
    steps: Sequence[Sequence[float]] = (),
) -> None:
    """said: all of it in a sentence. turns: of each user. done: turns answered; leaked, told: the number of the user
    whose data came to this one at all, and in an answer, below 0 for none; all by user. wrong: users who had something
    lost or torn. steps: the turns again, as `Outcome.steps` has them."""
    users = len(done)
    data: dict[str, Any] = {
        "said": said,
        "turns": turns,
        "names": [label(user) for user in range(users)],
        "colours": _colours(users),
        "named": min(NAMED, users),
        "done": list(done),
        "told": list(told) or [-1] * users,
        "held": list(leaked),
        "wrong": sorted(wrong),
        "steps": [list(step) for step in steps],
    }
    component("people_field", Path(__file__).parent)(data=data, key=key)


@lru_cache(maxsize=8)
def _colours(users: int) -> list[str]:
    return [colour(label(user)) for user in range(users)]
