"""Texts that are nearly surely one person's own: e-mail addresses, UUIDs, telephone, order and other long numbers.

They serve where a log has no planted canaries. What they show is suspected only: one may be public after all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

TYPED = 1000
"""Characters of a question in which they are looked for: a longer one is a template with documents in it, or pasted."""
LOOKED = 50_000
"""Characters of any other text."""
LEAST_DIGITS = 7

_TOKEN = re.compile(r"[\w@.+#/-]{6,}")
_PHONE = re.compile(r"[+(]?\d[\d ()./-]{7,20}\d")
_EMAIL = re.compile(r"\A[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}\Z")
_UUID = re.compile(r"\A[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z")
_ROLES = frozenset(
    "info support help contact sales service admin hello office team noreply no-reply hr jobs press privacy".split()
)
"""Whom an address belongs to that is nobody's own."""


def own(text: str) -> dict[str, str]:
    """Those in a text, as they are written, by what they are without case and separators."""
    return dict(_found(text[:LOOKED]))


def _found(text: str) -> Iterator[tuple[str, str]]:
    for token in _TOKEN.findall(text):
        written = token.strip("./+#-")
        told = written.lower()
        if _EMAIL.match(told):
            if told.partition("@")[0] not in _ROLES:
                yield told, written
        elif _UUID.match(told) or _telling(letters(told), told):
            yield letters(told), written
    for told in _PHONE.findall(text):
        number = "".join(one for one in told if one.isdigit())
        if 9 <= len(number) <= 15 and _telling(number, told):
            yield number, told


def letters(token: str) -> str:
    """By which two spellings of one number are the same."""
    return "".join(one for one in token if one.isalnum())


def _telling(number: str, told: str) -> bool:
    """Whether it is more than a date, a round figure, a model or a version."""
    digits = [one for one in number if one.isdigit()]
    if "/" in told or "@" in told or len(number) > 64:
        return False
    if len(digits) == len(number):
        counted = all(ord(b) - ord(a) == 1 for a, b in pairwise(digits))
        plain = len(set(digits)) < 3 or number.endswith("0000") or counted or "." in told
        return len(digits) >= LEAST_DIGITS and not plain and not _date(number)
    return len(digits) >= 6 or (len(digits) >= 4 and len(number) >= 12)


def _date(number: str) -> bool:
    """Whether it begins as a date: 20241127, 27112024 or with a time behind it."""
    orders = ((number[:4], number[4:6], number[6:8]), (number[4:8], number[2:4], number[:2]))
    return any(_is_date(*map(int, order)) for order in orders) if len(number) in (8, 10, 12, 14) else False


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        return 1900 <= date(year, month, day).year <= 2100
    except ValueError:
        return False
