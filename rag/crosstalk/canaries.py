"""Finds known canaries in texts, however they were spelt: in any case, with other separators, reversed, in base64.

A canary is told apart by a few of its pieces, one of which has to begin at a sampled place of any text that holds it,
so a text costs about its length, whatever the number of canaries.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

PIECE = 8
"""Letters and digits by which a canary is looked up."""
STEP = 4
SHORTEST = PIECE + STEP - 1

_APART = re.compile(r"[\W_]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_REMEMBERED = 200_000


def folded(text: str) -> str:
    """Letters and digits alone, without case."""
    return _APART.sub("", text).casefold()


@dataclass(slots=True)
class Canaries:
    """Not thread-safe. A canary is known by its number, from 0, in the order of `add`."""

    texts: list[str] = field(default_factory=list)
    _folded: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _pieces: dict[str, int | list[int]] = field(default_factory=dict)
    _short: dict[str, int] = field(default_factory=dict)
    _found: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, canary: str) -> tuple[int, bool]:
        """Its number, and whether it is new."""
        form = folded(canary)
        known = self._numbers.get(form)
        if known is not None:
            return known, False
        number = self._numbers[form] = len(self.texts)
        self.texts.append(canary)
        self._folded.append(form)
        if len(form) < SHORTEST:
            self._short[form] = number
        else:
            for start in range(STEP):
                self._index(form[start : start + PIECE], number)
        return number, True

    def find(self, text: str) -> tuple[int, ...]:
        """The numbers of the canaries in a text, each once."""
        known = self._found.get(text)
        if known is None:
            known = tuple(dict.fromkeys(self._look(text)))
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[text] = known
        return known

    def _index(self, piece: str, number: int) -> None:
        there = self._pieces.setdefault(piece, number)
        if isinstance(there, list):
            there.append(number)
        elif there != number:
            self._pieces[piece] = [there, number]

    def _look(self, text: str) -> Iterator[int]:
        form = folded(text)
        yield from self._in(form)
        yield from self._in(form[::-1])
        for run in _BASE64.findall(text):
            # Encoded text has both, and what is spelt in one case alone is looked up above.
            for start in range(4) if run != run.lower() and run != run.upper() else ():
                yield from self._in(folded(_decoded(run[start:])))

    def _in(self, form: str) -> Iterator[int]:
        pieces = self._pieces
        for start in range(0, len(form) - PIECE + 1, STEP):
            there = pieces.get(form[start : start + PIECE])
            if there is not None:
                for number in (there,) if isinstance(there, int) else there:
                    if self._folded[number] in form:
                        yield number
        for short, number in self._short.items():
            if short in form:
                yield number


def _decoded(run: str) -> str:
    whole = run[: len(run) // 4 * 4].replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(whole).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return ""
