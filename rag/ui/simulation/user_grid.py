"""The grid of simulated users: a cell each, in its owner's colour, filling as turns complete.

Somebody else's colour in a cell is a leak. Drawn from numbers alone; it holds nothing that a user or a model wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import ceil, sqrt

from rag.crosstalk.run.people import label
from rag.sessions.names import colour
from rag.ui.svg import rect, svg, text

CELL, GAP = 30, 4
STEP = CELL + GAP
PLAIN = 400
"""With more users than this a cell is a plain square: marks could not be seen."""
EMPTY = "#8080a0"


def grid(done: Sequence[int], leaked: Sequence[int], turns: int, wrong: Mapping[int, str] | None = None) -> str:
    """An SVG. done: turns answered; leaked: number of the user whose data was shown, below 0 for none; both by user.

    turns: of each user; wrong: anomaly kind of users that did not leak but lost something or had a turn torn.
    """
    columns = max(1, ceil(sqrt(len(done))))
    rows = max(1, ceil(len(done) / columns))
    spots = [(user % columns * STEP, user // columns * STEP) for user in range(len(done))]
    if len(done) > PLAIN:
        cells = _squares(spots, done, leaked, turns)
    else:
        cells = "".join(_marked(spots, done, leaked, turns, wrong or {}))
    return svg(columns * STEP - GAP, rows * STEP - GAP, cells)


def _marked(
    spots: Sequence[tuple[int, int]],
    done: Sequence[int],
    leaked: Sequence[int],
    turns: int,
    wrong: Mapping[int, str],
) -> Iterator[str]:
    for user, (x, y) in enumerate(spots):
        owner, kind = leaked[user], wrong.get(user)
        said = f"{label(user)}: {done[user]} of {turns} turns"
        shape = rect(x, y, CELL, CELL, 6, f'fill="{EMPTY}" fill-opacity=".18"')
        if owner >= 0:
            said += f", was shown data of {label(owner)}"
            shape += rect(x, y, CELL, CELL, 6, f'fill="{_colour(owner)}"')
            shape += rect(x + 2, y + 2, CELL - 4, CELL - 4, 4, f'fill="none" stroke="{_colour(user)}" stroke-width="4"')
            shape += text(x + CELL / 2, y + 21, "!", 18, 800, 'fill="#fff"', "middle")
        else:
            full = CELL * min(1.0, done[user] / turns) if turns else 0
            shape += rect(x, y + CELL - full, CELL, full, min(6, full / 2), f'fill="{_colour(user)}"')
            if kind:
                said += f", {kind}"
                shape += (
                    f'<path d="M{x + 8} {y + 8}l14 14m0 -14l-14 14" stroke="#fff" stroke-width="4" '
                    'stroke-linecap="round"/>'
                )
        yield f"<g><title>{said}</title>{shape}</g>"


def _squares(spots: Sequence[tuple[int, int]], done: Sequence[int], leaked: Sequence[int], turns: int) -> str:
    """One path a colour: ten thousand cells stay small enough to be sent several times a second."""
    paths: defaultdict[str, list[str]] = defaultdict(list)
    marks: list[str] = []
    for user, (x, y) in enumerate(spots):
        owner, count = leaked[user], done[user]
        whole = f"M{x} {y}h{CELL}v{CELL}h-{CELL}z"
        if owner >= 0:
            paths[_colour(owner)].append(whole)
            marks.append(f"M{x + 11} {y + 11}h8v8h-8z")
        elif count >= turns > 0:
            paths[_colour(user)].append(whole)
        elif count:
            paths[_colour(user)].append(f"M{x} {y + CELL // 2}h{CELL}v{CELL // 2}h-{CELL}z")
        else:
            paths[f"{EMPTY}33"].append(whole)
    drawn = [*paths.items(), *([("#fff", marks)] if marks else [])]
    return "".join(f'<path fill="{fill}" d="{"".join(parts)}"/>' for fill, parts in drawn)


@lru_cache(maxsize=10_000)
def _colour(user: int) -> str:
    return colour(label(user))
