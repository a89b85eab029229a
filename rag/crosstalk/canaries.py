"""Finds known canaries in texts, however they were spelt: in any case, with other separators, reversed, in base64.

A canary is told apart by a few of its pieces, one of which has to begin at a sampled place of any text that holds it,
so a text costs about its length, whatever the number of canaries and whatever they have in common.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

PIECE = 8
"""Letters and digits by which a canary is looked up."""
STEP = 4
LONG = PIECE + STEP - 1
SHORTEST = 5
"""Letters and digits of a canary; 64 random bits need no fewer in any script."""

_APART = re.compile(r"[\W_]+")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}\r?\n)*[A-Za-z0-9+/_-]{16,}")
"""Broken into lines as in a mail, or in one run."""
_REMEMBERED = 200_000


def folded(text: str) -> str:
    """Letters and digits alone, without case or width."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _APART.sub("", plain).casefold()


@dataclass(slots=True)
class Canaries:
    """Not thread-safe. A canary is known by its number, from 0, in the order of `add`."""

    texts: list[str] = field(default_factory=list)
    _folded: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _pieces: dict[str, int | list[int]] = field(default_factory=dict)
    _short: dict[int, dict[str, int]] = field(default_factory=dict)
    """By length."""
    _found: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """By the hash of a text, so that no text is kept."""

    def add(self, canary: str) -> tuple[int, bool]:
        """Its number, and whether it is new. Raises ValueError for one that cannot tell anything."""
        form = folded(canary)
        known = self._numbers.get(form)
        if known is not None:
            return known, False
        if len(form) < SHORTEST:
            raise ValueError(f"the canary {canary!r} is too short: expected at least 64 random bits")
        number = self._numbers[form] = len(self.texts)
        self.texts.append(canary)
        self._folded.append(form)
        if len(form) < LONG:
            self._short.setdefault(len(form), {})[form] = number
        else:
            self._index(form, number)
        return number, True

    def find(self, text: str) -> tuple[int, ...]:
        """The numbers of the canaries in a text, each once."""
        key = hash(text)
        known = self._found.get(key)
        if known is None:
            known = tuple(dict.fromkeys(self._look(text)))
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[key] = known
        return known

    def _index(self, form: str, number: int) -> None:
        """By the pieces that the fewest others have: the words around the random part may be everybody's."""
        last = len(form) - LONG
        pieces = min(
            ([form[start + n : start + n + PIECE] for n in range(STEP)] for start in {0, last // 2, last}),
            key=lambda pieces: sum(map(self._others, pieces)),
        )
        for piece in pieces:
            there = self._pieces.setdefault(piece, number)
            if isinstance(there, list):
                there.append(number)
            elif there != number:
                self._pieces[piece] = [there, number]

    def _others(self, piece: str) -> int:
        there = self._pieces.get(piece, ())
        return 1 if isinstance(there, int) else len(there)

    def _look(self, text: str) -> Iterator[int]:
        form = folded(text)
        yield from self._in(form)
        yield from self._in(form[::-1])
        for run in _BASE64.findall(text):
            # Encoded text has both, and what is spelt in one case alone is looked up above.
            if run != run.lower() and run != run.upper():
                for decoded in _decoded(run):
                    yield from self._in(folded(decoded))

    def _in(self, form: str) -> Iterator[int]:
        pieces = self._pieces
        for start in range(0, len(form) - PIECE + 1, STEP):
            there = pieces.get(form[start : start + PIECE])
            if there is not None:
                for number in (there,) if isinstance(there, int) else there:
                    if self._folded[number] in form:
                        yield number
        for length, known in self._short.items():
            for start in range(len(form) - length + 1):
                if (found := known.get(form[start : start + length])) is not None:
                    yield found


def place(text: str, canary: str) -> tuple[int, int] | None:
    """Where a text that holds a canary spells it, from and to; None where that cannot be said."""
    letters = _APART.sub("", canary)
    for spelt in (letters, letters[::-1]):
        if found := re.search(r"[\W_]*".join(map(re.escape, spelt)), text, re.IGNORECASE):
            return found.span()
    form = folded(canary)
    for found in _BASE64.finditer(text):
        if any(form in folded(decoded) for decoded in _decoded(found[0])):
            return found.span()
    return None


def _decoded(run: str) -> Iterator[str]:
    """What it says, begun at each of the places where a group of four may begin."""
    alone = "".join(run.split()).replace("-", "+").replace("_", "/")
    for start in range(4):
        part = alone[start:]
        # One letter left over tells nothing; two or three lack their padding.
        part = part[: len(part) - (len(part) % 4 == 1)]
        try:
            yield base64.b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "ignore")
        except (binascii.Error, ValueError):
            continue
