"""A question in customers' words, widened by the help centre's words for the same things.

Small static embeddings know little of that themselves. Documents are never widened, nor is what the keywords count.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("synonyms.txt")
_NO_WORD = re.compile(r"[^\w'-]+")


def widen(question: str) -> str:
    """The question, followed by the shop's words for the phrases in it."""
    folded = f" {_NO_WORD.sub(' ', question.lower().replace('’', chr(39)))} "
    known, groups = _starts(), _groups()
    tried = sorted({number for word in folded.split() if word in known for number in known[word]})
    found = [groups[number] for number in tried]
    shop = dict.fromkeys(word for phrase, words in found if f" {phrase} " in folded for word in words)
    return " ".join([question, *shop])


@cache
def _starts() -> dict[str, list[int]]:
    """The numbers of the groups whose phrase begins with a word: most questions have few such words."""
    found: dict[str, list[int]] = {}
    for number, (phrase, _) in enumerate(_groups()):
        found.setdefault(phrase.split()[0], []).append(number)
    return found


@cache
def _groups() -> tuple[tuple[str, tuple[str, ...]], ...]:
    groups: list[tuple[str, tuple[str, ...]]] = []
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        theirs, arrow, ours = line.partition("=>")
        if arrow and not line.startswith("#"):
            groups += [(phrase, tuple(_parts(ours))) for phrase in _parts(theirs)]
    return tuple(groups)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
