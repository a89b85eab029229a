"""Who the simulated users are. A person follows from seed and number alone; what identifies one is a canary.

Each canary is made of at least 64 random bits (of the seeded kind: reproducible, so not for real secrets), spelt as a
name, an order number or an address that can be read out, and no two of a run are alike.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

GIVEN = (
    "Ada Ben Cleo Dan Eva Finn Gita Hugo Ines Jack Kira Liam Mona Nils Olga Paul Quinn Rosa Sven Tess Umar Vera Wim "
    "Xenia Yara Zeno Alma Boris Celia Dario Elif Frida Gus Hana Ivo Jana Kofi Lena Milo Nora Otis Petra Raul Sina Tom "
    "Ulla Viktor Wanda Ximena Yusuf Zoe Amir Bela Carl Dora Emil Fay Gregor Hilda Ilya Juno Karim Lotte Maya Noah Orla "
    "Pia Ravi Selma Theo Uma Vito Willa Xaver Yves Zara Anton Bibi Chen Dina Egon Flora Goran Heidi Igor Joris Kaya "
    "Leo Marta Nico Opal Pavel Ruth Stefan Tara Urban Vida Walt Ylva Zelda"
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
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
"""A pair of them is a syllable of 6.1 random bits, which anybody can read out."""


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
    given, second, _ = facts.name.split(" ")
    return f"{given} {second}", facts.address.partition(",")[0], facts.order.partition("-")[2][5:], facts.collects


def name(chance: random.Random, number: int) -> str:
    """67 bits: a given name that others have, too, and two that nobody else has."""
    return f"{GIVEN[number % len(GIVEN)]} {_word(chance, 4)} {_word(chance, 4)}-{_word(chance, 3)}"


def order(chance: random.Random) -> str:
    """68 bits: three groups of letters and digits, with one digit at least, as order numbers have."""
    return f"LK-{_code(chance, 4, 4, 5)}{chance.choice(DIGITS)}"


def address(chance: random.Random) -> str:
    """74 bits: number, street and town."""
    return f"{chance.randrange(1, 1000)} {_word(chance, 5)} {chance.choice(KINDS)}, {_word(chance, 5)}"


def reference(chance: random.Random) -> str:
    """A mark of one message, so that no two messages are alike. 40 bits; nobody's data."""
    return "".join(chance.choices(BASE32, k=8))


def _code(chance: random.Random, *groups: int) -> str:
    """5 bits a character."""
    return "-".join("".join(chance.choices(BASE32, k=size)) for size in groups)


def _word(chance: random.Random, syllables: int) -> str:
    return "".join(chance.choice(CONSONANTS) + chance.choice(VOWELS) for _ in range(syllables)).capitalize()
