"""The grid of simulated users: a cell each, in its owner's colour, filling as turns complete.

Somebody else's colour in a cell is a leak, with its user's own around it. Drawn from numbers alone; it holds nothing
that a user or a model wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import lru_cache
from math import ceil, sqrt

from rag.colours import colour
from rag.crosstalk.run.people import label

CELL, STEP, EDGE = 30, 34, 8
PLAIN = 400
"""With more users than this the ground and edge of a cell are left out: they could not be seen."""
EMPTY = "#8080a0"


def grid(done: Sequence[int], leaked: Sequence[int], turns: int, wrong: Collection[int] = ()) -> str:
    """An SVG. done: turns answered; leaked: number of the user whose data was shown, below 0 for none; both by user.

    turns: of each user; wrong: users that did not leak but lost something or had a turn torn.
    """
    columns = max(1, ceil(sqrt(len(done))))
    rows = max(1, ceil(len(done) / columns))
    # One path a colour: ten thousand cells stay small enough to be sent several times a second.
    cells, edges = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    grounds, marks, detailed = list[str](), list[str](), len(done) <= PLAIN
    for user, owner in enumerate(leaked):
        x, y = user % columns * STEP, user // columns * STEP
        full = CELL if owner >= 0 else round(CELL * min(1.0, done[user] / turns)) if turns else 0
        if not full or (full < CELL and detailed):
            grounds.append(_cell(x, y, CELL))
        if full:
            cells[_colour(user if owner < 0 else owner)].append(_cell(x, y + CELL - full, full))
        if owner >= 0:
            edges[_colour(user) if detailed else "none"].append(f"M{x + 2} {y + 2}h26v26h-26z")
            marks.append(f"M{x + 15} {y + 9}v6m0 6v.1")
        elif user in wrong:
            marks.append(f"M{x + 8} {y + 8}l14 14m0 -14l-14 14")
    drawn = [
        _path(grounds, EMPTY, EMPTY, EDGE, 'opacity=".18"'),
        *(_path(parts, fill, fill, EDGE) for fill, parts in cells.items()),
        *(_path(parts, "none", stroke, 4) for stroke, parts in edges.items()),
        _path(marks, "none", "#fff", 4, 'stroke-linecap="round"'),
    ]
    width, height = columns * STEP - STEP + CELL, rows * STEP - STEP + CELL
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} stroke-linejoin="round">{"".join(drawn)}</svg>'


def _cell(x: int, y: int, high: int) -> str:
    """The edge around it makes it whole, with round corners."""
    half = EDGE // 2
    return f"M{x + half} {y + half}h{CELL - EDGE}v{max(0, high - EDGE)}h{EDGE - CELL}z"


def _path(parts: Sequence[str], fill: str, stroke: str, width: int, more: str = "") -> str:
    return (
        f'<path fill="{fill}" stroke="{stroke}" stroke-width="{width}" {more} d="{"".join(parts)}"/>' if parts else ""
    )


@lru_cache(maxsize=10_000)
def _colour(user: int) -> str:
    return colour(label(user))
