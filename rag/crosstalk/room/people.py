"""Who is in a room: each with a name, a colour and a secret that were made up for them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from rag.colours import colour
from rag.crosstalk.run.people import GIVEN, label, order

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Person:
    """secret: an order number of 68 random bits, which the checker knows as this person's canary."""

    number: int
    name: str
    colour: str
    secret: str


def person(number: int, chance: random.Random) -> Person:
    """number: from 0, in the order in which they came. No two of a room have the same name."""
    names = _names()
    name = names[number] if number < len(names) else label(number)
    return Person(number, name, colour(name), order(chance))


@cache
def _names() -> tuple[str, ...]:
    """Each in a colour as unlike those before as there is."""
    left = {name: _rgb(colour(name)) for name in GIVEN}
    chosen = [next(iter(left))]
    taken = [left.pop(chosen[0])]
    while left:
        name = max(left, key=lambda one: min(_apart(left[one], other) for other in taken))
        chosen.append(name)
        taken.append(left.pop(name))
    return tuple(chosen)


def _rgb(text: str) -> Rgb:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _apart(one: Rgb, other: Rgb) -> float:
    """How unlike they look: the weighted distance of https://www.compuphase.com/cmetric.htm."""
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    mean = (one[0] + other[0]) / 2
    return (2 + mean / 256) * red * red + 4 * green * green + (2 + (255 - mean) / 256) * blue * blue
