"""A session's friendly name and colour. Both follow from its id alone, so every page and process agrees on them."""

from __future__ import annotations

import colorsys
import hashlib
from functools import lru_cache
from typing import Any, cast

from coolname.data import config

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


ADJECTIVES, ANIMALS = (
    tuple(word for word in cast(dict[str, Any], config[kind])["words"] if word not in _UNKIND and word.isalpha())
    for kind in ("adjective", "animal")
)


@lru_cache(1024)
def friendly_name(session_id: str) -> str:
    """Two words, like `Amber Otter`. Not unique: it is for people to tell a few sessions apart."""
    seed = _seed(session_id, "name")
    adjective = ADJECTIVES[seed % len(ADJECTIVES)]
    animal = ANIMALS[seed // len(ADJECTIVES) % len(ANIMALS)]
    return f"{adjective.capitalize()} {animal.capitalize()}"


def colour(session_id: str) -> str:
    """`#rrggbb`, dark enough for white text and light enough to be seen on a dark page."""
    seed = _seed(session_id, "colour")
    hue, tone = seed % 360, seed // 360 % 3
    red, green, blue = colorsys.hls_to_rgb(hue / 360, (0.42, 0.47, 0.38)[tone], (0.62, 0.52, 0.7)[tone])
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _seed(session_id: str, purpose: str) -> int:
    digest = hashlib.sha256(f"{purpose}:{session_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")
