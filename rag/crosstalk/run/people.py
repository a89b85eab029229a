"""Who the simulated users are. A person follows from seed and number alone; what identifies one is a canary.

Each canary is made of at least 64 random bits (`secrets` of the seeded kind: reproducible, so not for real secrets),
spelt as a name, an order number or an address, and no two of a run are alike.
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
ONSETS = "b d f g h k l m n p r s t v w z".split()  # 4 bits
VOWELS = "a e i o u au ei ou".split()  # 3 bits
BASE32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "23456789"
STREETS = "Lane Road Street Row Hill Close Walk Mews".split()


@dataclass(frozen=True, slots=True)
class Facts:
    """What one person states, each a canary."""

    name: str
    order: str
    address: str


def label(number: int) -> str:
    """How the user of this number is called in reports: unique, and easy to tell apart."""
    given, again = GIVEN[number % len(GIVEN)], number // len(GIVEN)
    return f"{given} {again + 1}" if again else given


def facts(chance: random.Random, number: int) -> Facts:
    return Facts(name(chance, number), order(chance), address(chance))


def name(chance: random.Random, number: int) -> str:
    """70 bits: two invented names behind the given one."""
    return f"{GIVEN[number % len(GIVEN)]} {_invented(chance, 5)} {_invented(chance, 5)}"


def order(chance: random.Random) -> str:
    """68 bits: three groups of letters and digits, with one digit at least, as order numbers have."""
    mark = "".join(chance.choices(BASE32, k=13))
    return f"LK-{mark[:4]}-{mark[4:8]}-{mark[8:]}{chance.choice(DIGITS)}"


def address(chance: random.Random) -> str:
    """80 bits and more: number, street, village and code."""
    street = f"{_invented(chance, 4)} {chance.choice(STREETS)}"
    code = "".join(chance.choices(BASE32, k=3))
    return f"{chance.randrange(1, 1000)} {street}, {_invented(chance, 4)}, {code} {chance.randrange(1, 10)}LK"


def reference(chance: random.Random) -> str:
    """A mark of one message, so that no two messages are alike. 40 bits; nobody's data."""
    return "".join(chance.choices(BASE32, k=8))


def _invented(chance: random.Random, syllables: int) -> str:
    """7 bits a syllable."""
    return "".join(chance.choice(ONSETS) + chance.choice(VOWELS) for _ in range(syllables)).capitalize()
