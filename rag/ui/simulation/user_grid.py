"""The field of simulated users: a cell each, in its owner's colour, filling as turns complete.

Somebody else's colour in a cell is a leak. Drawn from numbers alone; it holds nothing that a user or a model wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil, sqrt

from rag.crosstalk.run.people import label
from rag.sessions.names import colour

CELL, GAP = 30, 4
PLAIN = 400
"""With more users than this a cell is a plain square: marks could not be seen."""


def field(done: Sequence[int], leaked: Sequence[int], turns: int, wrong: Mapping[int, str] | None = None) -> str:
    """An SVG. done: turns answered; leaked: number of the user whose data was shown, below 0 for none; both by user.

    turns: of each user; wrong: anomaly kind of users that did not leak but lost something or had a turn torn.
    """
    users = len(done)
    columns = max(1, ceil(sqrt(users)))
    rows = max(1, ceil(users / columns))
    cells = (
        _plain(done, leaked, turns, columns) if users > PLAIN else _marked(done, leaked, turns, wrong or {}, columns)
    )
    step = CELL + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * step - GAP} {rows * step - GAP}" '
        f'width="{columns * step - GAP}" height="{rows * step - GAP}">{cells}</svg>'
    )


def _marked(done: Sequence[int], leaked: Sequence[int], turns: int, wrong: Mapping[int, str], columns: int) -> str:
    parts = []
    for user, count in enumerate(done):
        x, y = user % columns * (CELL + GAP), user // columns * (CELL + GAP)
        owner, kind = leaked[user], wrong.get(user)
        full = CELL * min(1.0, count / turns) if turns else 0
        name = label(user)
        said = f"{name}: {count} of {turns} turns"
        shape = f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="6" fill="#8080a0" fill-opacity=".18"/>'
        if owner >= 0:
            said += f", was shown data of {label(owner)}"
            shape += (
                f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="6" fill="{_colour(owner)}"/>'
                f'<rect x="{x + 2}" y="{y + 2}" width="{CELL - 4}" height="{CELL - 4}" rx="4" fill="none" '
                f'stroke="{_colour(user)}" stroke-width="4"/>'
                f'<text x="{x + CELL / 2}" y="{y + 21}" font-size="18" font-weight="800" text-anchor="middle" '
                'fill="#fff">!</text>'
            )
        else:
            shape += (
                f'<rect x="{x}" y="{y + CELL - full}" width="{CELL}" height="{full}" rx="{min(6, full / 2)}" '
                f'fill="{_colour(user)}"/>'
            )
            if kind:
                said += f", {kind}"
                shape += (
                    f'<path d="M{x + 8} {y + 8}L{x + 22} {y + 22}M{x + 22} {y + 8}L{x + 8} {y + 22}" stroke="#fff" '
                    'stroke-width="4" stroke-linecap="round"/>'
                )
        parts.append(f"<g><title>{said}</title>{shape}</g>")
    return "".join(parts)


def _plain(done: Sequence[int], leaked: Sequence[int], turns: int, columns: int) -> str:
    """One path a colour: ten thousand cells stay small enough to be sent several times a second."""
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for user, count in enumerate(done):
        x, y = user % columns * (CELL + GAP), user // columns * (CELL + GAP)
        owner = leaked[user]
        if owner >= 0:
            paths[_colour(owner)].append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
            paths["#fff"].append(f"M{x + 11} {y + 11}h8v8h-8z")
        elif count >= turns > 0:
            paths[_colour(user)].append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
        elif count:
            paths[_colour(user)].append(f"M{x} {y + CELL // 2}h{CELL}v{CELL // 2}h-{CELL}z")
        else:
            paths["#8080a033"].append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
    white = paths.pop("#fff", None)
    drawn = [f'<path fill="{fill}" d="{"".join(parts)}"/>' for fill, parts in paths.items()]
    return "".join(drawn) + (f'<path fill="#fff" d="{"".join(white)}"/>' if white else "")


@lru_cache(maxsize=10_000)
def _colour(user: int) -> str:
    return colour(label(user))
