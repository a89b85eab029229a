"""Who the simulated users are. A person follows from seed and number alone; what identifies one is a canary.

Each canary is made of at least 64 random bits (of the seeded kind: reproducible, so not for real secrets), spelt as a
name, an order number or an address as people have them, and no two of a run are alike.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

GIVEN = (
    "Ada Ben Cleo Dan Eva Finn Gita Hugo Ines Jack Kira Liam Mona Nils Olga Paul Quinn Rosa Sven Tess Umar Vera Wim "
    "Xenia Yara Zeno Alma Boris Celia Dario Elif Frida Gus Hana Ivo Jana Kofi Lena Milo Nora Otis Petra Raul Sina Tom "
    "Ulla Viktor Wanda Ximena Yusuf Zoe Amir Bela Carl Dora Emil Fay Gregor Hilda Ilya Juno Karim Lotte Maya Noah Orla "
    "Pia Ravi Selma Theo Uma Vito Willa Xaver Yves Zara Anton Bibi Chen Dina Egon Flora Goran Heidi Igor Joris Kaya "
    "Leo Marta Nico Opal Pavel Ruth Stefan Tara Urban Vida Walt Ylva Zelda"
).split()
FAMILY = (
    "Abbott Archer Bailey Barker Barnes Bennett Bishop Bradley Brooks Burton Carter Chapman Clarke Coleman Cooper "
    "Cross Dawson Dixon Ellis Evans Fisher Foster Fox Gibson Gordon Graham Grant Harper Harris Hayes Holloway Hughes "
    "Hunter Jenkins Kelly Knight Lambert Lane Lawson Marsh Mason Miller Mitchell Moore Murray Newman Palmer Parker "
    "Pearson Porter Reed Reynolds Rhodes Shaw Spencer Stone Sutton Taylor Turner Walker Watson Webb West Young"
).split()
STREETS = (
    "Acorn Ash Bridge Brook Castle Cedar Cherry Church Clover Elm Farm Forest Garden Harbour Hazel Hill Holly Lake "
    "Laurel Maple Market Meadow Mill Oak Orchard Park Queen River Rose Spring Station Willow"
).split()
KINDS = "Lane Road Street Row Avenue Close Walk Mews".split()
TOWNS = (
    "Ashford Barton Bexley Bradwell Brampton Burnham Clifton Dalton Denham Easton Fairford Grafton Halton Hampton "
    "Hatfield Kingsley Langley Linton Marlow Melton Milford Newport Norton Oakham Preston Radley Selby Stratton "
    "Sutton Walton Weston Whitby"
).split()
MADE_OF = "enamel brass copper paper velvet cherrywood porcelain woollen pewter bamboo glass clay silver linen".split()
THINGS = (
    "kettles lanterns thimbles kites masks flutes buttons bells baskets spoons clocks candlesticks postcards whistles "
    "compasses puppets teapots dominoes bookmarks mirrors"
).split()
BASE32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "23456789"
CODE = re.compile(r"\b[2-9A-Z]{2,4}(?:-[2-9A-Z]{4,6}){1,8}\b")
"""What each canary ends in, and nothing else holds: one of them is one person's."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one person states, each a canary."""

    name: str
    order: str
    address: str
    collects: str = ""
    """What this person alone collects: no canary, since others might say it."""


def label(number: int) -> str:
    """How the user of this number is called in reports: unique, and easy to tell apart."""
    given, again = GIVEN[number % len(GIVEN)], number // len(GIVEN)
    return f"{given} {again + 1}" if again else given


def facts(chance: random.Random, number: int) -> Facts:
    return Facts(name(chance, number), order(chance), address(chance), collection(number))


def collection(number: int) -> str:
    """Another one for each of some twenty thousand people."""
    place = (number * 7919 + 13) % (len(MADE_OF) * len(THINGS) * len(TOWNS))
    rest, town = divmod(place, len(TOWNS))
    thing, made = divmod(rest, len(MADE_OF))
    return f"{MADE_OF[made]} {THINGS[thing]} from {TOWNS[town]}"


def hints(facts: Facts) -> tuple[str, ...]:
    """What tells whose data it is without being a canary: name, street and collection, and the end of the number."""
    street, town, _ = facts.address.split(", ")
    return facts.name.partition(" #")[0], f"{street}, {town}", facts.order.partition("-")[2][5:], facts.collects


def name(chance: random.Random, number: int) -> str:
    """71 bits: a name as people have, which others may have too, and a tag that nobody else has."""
    return f"{GIVEN[number % len(GIVEN)]} {chance.choice(FAMILY)} #{_code(chance, 4, 4, 5)}"


def order(chance: random.Random) -> str:
    """68 bits: three groups of letters and digits, with one digit at least, as order numbers have."""
    return f"LK-{_code(chance, 4, 4, 5)}{chance.choice(DIGITS)}"


def address(chance: random.Random) -> str:
    """73 bits: number, street, town, and a code of two groups."""
    street = f"{chance.randrange(1, 1000)} {chance.choice(STREETS)} {chance.choice(KINDS)}"
    return f"{street}, {chance.choice(TOWNS)}, {_code(chance, 4, 6)}"


def reference(chance: random.Random) -> str:
    """A mark of one message, so that no two messages are alike. 40 bits; nobody's data."""
    return "".join(chance.choices(BASE32, k=8))


def _code(chance: random.Random, *groups: int) -> str:
    """5 bits a character."""
    return "-".join("".join(chance.choices(BASE32, k=size)) for size in groups)
