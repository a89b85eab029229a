"""A session's friendly name. It follows from its id alone, so every page and process agrees on it."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from rag.colours import seed

# The library's list of adjectives also holds some that nobody wants to be called by.
_UNKIND = frozenset(
    "acrid annoying arrogant bald belligerent bulky chubby cocky crazy creepy curvy daft daffy devious evasive evil "
    "fanatic fat furious gabby garrulous girlish glaring greedy grumpy hairy heavy invisible loose loud loutish "
    "lumpy masked meaty messy nondescript obedient orthodox outrageous provocative rampant sarcastic screeching sexy "
    "shapeless skinny slim sloppy sly snobbish sticky tacky tentacled uppish uptight venomous vengeful vehement "
    "vociferous delectable alluring seductive romantic swinging hot attractive aloof righteous devout demonic "
    "ass boar booby cockroach cow donkey earthworm flea fly hog leech louse maggot mosquito pig rat skunk slug "
    "sloth snake sow tapeworm termite tick titmouse toad tody vulture weasel worm".split()
)


@cache
def _words(kind: str) -> tuple[str, ...]:
    from coolname.data import config  # here: it makes all its own lists, and most commands name nobody

    return tuple(word for word in cast(dict[str, Any], config[kind])["words"] if word not in _UNKIND and word.isalpha())


def friendly_name(session_id: str) -> str:
    """Two words, like `Amber Otter`. Not unique: it is for people to tell a few sessions apart."""
    number = seed(session_id, "name")
    adjectives, animals = _words("adjective"), _words("animal")
    adjective = adjectives[number % len(adjectives)]
    animal = animals[number // len(adjectives) % len(animals)]
    return f"{adjective.capitalize()} {animal.capitalize()}"
