"""Finds known canaries in texts, however they were spelt: in any case, with other separators, reversed, in base64.

A canary is told apart by a few of its pieces, one of which has to begin at a sampled place of any text that holds it,
so a text costs about its length, whatever the number of canaries and whatever they have in common. A text that comes
again costs nothing; it holds what was known when it came first.
"""

from __future__ import annotations

import binascii
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PIECE = 8
"""Bytes by which a canary is looked up: read as one number."""
STEP = 4
LONG = PIECE + STEP - 1
SHORTEST = 5
"""Letters and digits of a canary; 64 random bits need no fewer in any script."""

_APART = re.compile(r"[\W_]+")
_LOWER = bytes(range(256)).lower()
_SEPARATORS = bytes(code for code in range(128) if not chr(code).isalnum())
_WORD = re.compile(r"\S{11}")
_RUN = "[A-Za-z0-9+/_-]"
_BASE64 = re.compile(rf"{_RUN}{{60,}}(?:\r?\n{_RUN}{{60,}})*(?:\r?\n{_RUN}{{11,59}})?|{_RUN}{{11,}}")
"""Broken into lines as in a mail, or in one run; 64 bits take 11 letters, padding apart."""
_REMEMBERED = 200_000
_END = b"\0"
"""Between the spellings of a text: no letter."""


def folded(text: str) -> bytes:
    """Letters and digits alone, without case or width, in UTF-8."""
    return _folded(text.encode()) if text.isascii() else _encoded(_letters(text))


def _folded(text: bytes) -> bytes:
    """Of text in ASCII."""
    return text.translate(_LOWER, _SEPARATORS)


def _letters(text: str) -> str:
    return _APART.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _encoded(letters: str) -> bytes:
    return letters.encode("utf-8", "surrogatepass")


@dataclass(slots=True)
class Canaries:
    """Not thread-safe. A canary is known by its number, from 0, in the order of `add`.

    looked: how many texts were looked through; those that came again were not.
    """

    texts: list[str] = field(default_factory=list)
    looked: int = 0
    _folded: list[bytes] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=dict)
    _pieces: dict[int, int | list[int]] = field(default_factory=dict)
    _short: dict[int, dict[bytes, int]] = field(default_factory=dict)
    """By length."""
    _found: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """By the hash of a text, so that no text is kept."""

    def add(self, canary: str) -> tuple[int, bool]:
        """Its number, and whether it is new. Raises ValueError for one that cannot tell anything."""
        form = folded(canary)
        known = self._numbers.get(form)
        if known is not None:
            return known, False
        if len(form.decode("utf-8", "surrogatepass")) < SHORTEST:
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
            self.looked += 1
            known = tuple(sorted(self._in(_spellings(text))))
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[key] = known
        return known

    def named(self, canary: str) -> tuple[int, ...]:
        """The same for a text that is itself a canary, as a rule."""
        number = self._numbers.get(folded(canary))
        return self.find(canary) if number is None else (number,)

    def _index(self, form: bytes, number: int) -> None:
        """By the pieces that the fewest others have: the words around the random part may be everybody's."""
        last = len(form) - LONG
        chosen = _pieces(form, last)
        if not self._pieces.keys().isdisjoint(chosen):
            chosen = min((chosen, _pieces(form, 0), _pieces(form, last // 2)), key=self._others)
        for piece in chosen:
            there = self._pieces.setdefault(piece, number)
            if isinstance(there, list):
                there.append(number)
            elif there != number:
                self._pieces[piece] = [there, number]

    def _others(self, pieces: Sequence[int]) -> int:
        """How many canaries are looked up by these, one counted as often as it has them."""
        there = (self._pieces.get(piece, ()) for piece in pieces)
        return sum(1 if isinstance(found, int) else len(found) for found in there)

    def _in(self, form: bytes) -> set[int]:
        found: set[int] = set()
        view = memoryview(form)
        for start in range(0, PIECE, STEP):
            sampled = view[start : start + (len(form) - start) // PIECE * PIECE].cast("Q")
            for piece in self._pieces.keys() & sampled:
                there = self._pieces[piece]
                for number in (there,) if isinstance(there, int) else there:
                    if self._folded[number] in form:
                        found.add(number)
        for length, known in self._short.items():
            for at in range(len(form) - length + 1):
                if (number := known.get(form[at : at + length], -1)) >= 0:
                    found.add(number)
        return found


class Foreseen:
    """The canaries of one of many logs that have their texts in common: a text is looked through once for all of them.
    What is found in it are those that this log has added by then.

    common: has to know all canaries that the logs will add before any text is looked through.
    """

    def __init__(self, common: Canaries) -> None:
        self.texts: list[str] = []
        self._common = common
        self._numbers: dict[int, int] = {}

    @property
    def looked(self) -> int:
        return self._common.looked

    def add(self, canary: str) -> tuple[int, bool]:
        there = self._common.add(canary)[0]
        known = self._numbers.setdefault(there, len(self.texts))
        if known < len(self.texts):
            return known, False
        self.texts.append(canary)
        return known, True

    def find(self, text: str) -> tuple[int, ...]:
        return self._mine(self._common.find(text))

    def named(self, canary: str) -> tuple[int, ...]:
        return self._mine(self._common.named(canary))

    def _mine(self, found: tuple[int, ...]) -> tuple[int, ...]:
        return tuple([self._numbers[number] for number in found if number in self._numbers]) if found else found


def _pieces(form: bytes, start: int) -> list[int]:
    """Those of a canary that begin within one step: a text that holds it has one of them at a sampled place."""
    return [int.from_bytes(form[at : at + PIECE], sys.byteorder) for at in range(start, start + STEP)]


def _spellings(text: str) -> bytes:
    """All that a text may say, folded: forwards, backwards, and decoded."""
    if text.isascii():
        form = _folded(text.encode())
        said = [form, form[::-1]]
    else:
        letters = _letters(text)
        said = [_encoded(letters), _encoded(letters[::-1])]
    if _WORD.search(text):
        for run in _BASE64.findall(text):
            # Encoded text has both, and what is spelt in one case alone is looked up above.
            if run != run.lower() and run != run.upper():
                said += map(_read, _decoded(run))
    return _END.join(said)


def spelt_at(text: str, canary: str) -> tuple[int, int] | None:
    """Where a text that holds a canary spells it, from and to; None where that cannot be said."""
    letters = _APART.sub("", canary)
    for spelt in (letters, letters[::-1]):
        if place := next(places(text, spelt), None):
            return place
    form = folded(canary)
    for found in _BASE64.finditer(text):
        if any(form in _read(decoded) for decoded in _decoded(found[0])):
            return found.span()
    return None


def places(text: str, letters: str) -> Iterator[tuple[int, int]]:
    """Where a text spells these letters, from and to: in whatever case and with whatever separators."""
    kept = [place for place, one in enumerate(text) if one.isalnum()]
    alone, wanted = "".join(text[place].lower()[0] for place in kept), "".join(one.lower()[0] for one in letters)
    start = alone.find(wanted)
    while wanted and start >= 0:
        end = start + len(wanted)
        yield kept[start], kept[end - 1] + 1
        start = alone.find(wanted, end)


def _decoded(run: str) -> Iterator[bytes]:
    """What it says, begun at each of the places where a group of four may begin."""
    alone = "".join(run.split()).replace("-", "+").replace("_", "/")
    for start in range(4):
        part = alone[start:]
        # One letter left over tells nothing; two or three lack their padding.
        part = part[: len(part) - (len(part) % 4 == 1)]
        try:
            yield binascii.a2b_base64(part + "==")
        except binascii.Error:
            continue


def _read(decoded: bytes) -> bytes:
    """Folded; of what is no text, its ASCII letters are."""
    if decoded.isascii():
        return _folded(decoded)
    text = decoded.decode("utf-8", "replace")
    return _folded(decoded) if "\ufffd" in text else folded(text)
