"""A strategy's code beside the store: its lines, and where in them a turn waits."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import lru_cache
from keyword import iskeyword
from textwrap import dedent
from typing import Any

from rag.crosstalk.strategies import MARK, find

FOLD = 56
"""Characters of a line that fit beside the store."""
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_PIECE = re.compile(rf"(?P<note>#.*)|(?P<text>[fr]?(?:{_TEXT.pattern}))|(?P<word>\w+)|[^\w#\"']+|.")
Place = tuple[str, int]
"""A function's name, and a line of it, from 0."""


def place_of(steps: Any) -> Place | None:
    """Where a turn waits: in the innermost of the functions that it is in. None: nowhere."""
    while hasattr(inner := getattr(steps, "gi_yieldfrom", None), "gi_frame"):
        steps = inner
    frame = getattr(steps, "gi_frame", None)
    return None if frame is None else (frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno)


@dataclass(frozen=True, slots=True)
class Line:
    """place: of the first of the lines that a long one is shown in, None for the rest. bug: whether it is part of what
    is wrong."""

    text: str
    place: Place | None = None
    bug: bool = False

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """(kind, text): `keyword`, `text`, `note`, or nothing."""
        found = []
        for part in _PIECE.finditer(self.text):
            kind = part.lastgroup or ""
            if kind == "word":
                kind = "keyword" if iskeyword(part[0]) else ""
            found.append((kind, part[0]))
        return found


@lru_cache(64)
def listing(strategy: str) -> tuple[Line, ...]:
    """The code of its turn, and of the functions that make some of its steps."""
    shown: list[Line] = []
    for name, first, lines in _functions(strategy):
        if shown:
            shown.append(Line(""))
        for number, line in enumerate(lines, first):
            bug = line.endswith(MARK)
            for part, text in enumerate(_folded(line.removesuffix(MARK).rstrip(), FOLD)):
                shown.append(Line(text, None if part else (name, number), bug))
    while shown and not shown[-1].text:
        shown.pop()
    return tuple(shown)


@lru_cache(64)
def _functions(strategy: str) -> list[tuple[str, int, list[str]]]:
    """(name, number of the first line shown, lines). A turn that is alone needs no head, others one without types."""
    kind = find(strategy)
    made = inspect.getmembers(kind, inspect.isgeneratorfunction)
    found = []
    for name, function in sorted(made, key=lambda one: one[0] != "turn"):
        body = dedent("".join(inspect.getsourcelines(function)[0][1:])).splitlines()
        if len(made) > 1:
            head = f"def {name}({', '.join(inspect.signature(function).parameters)}):"
            body = [head, *(f"    {line}".rstrip() for line in body)]
        found.append((name, 1 if len(made) == 1 else 0, body))
    return found


def _folded(line: str, wide: int, *, inside: bool = False) -> list[str]:
    """A long line of code in several, broken after a bracket or a comma, or at a blank inside of brackets: wrapped by a
    browser it would lose its indent and run into the margin."""
    if len(line) <= wide:
        return [line]
    code, mark, note = line.partition("  # ")
    indent = line[: len(line) - len(line.lstrip())]
    if mark:  # above the whole of it: behind a part of a call it would stand inside the call
        return [f"{indent}# {note}", *_folded(code, wide, inside=inside)]
    # Behind the last of these that fits, of those that are in the fewest brackets and in no text.
    plain = _TEXT.sub(lambda text: "_" * len(text[0]), line)
    fitting = range(len(indent) + 1, wide + 1)
    ends = [end for end in fitting if plain[end - 1] in "([{,"]
    ends = ends or [end for end in fitting if inside and plain[end - 1] == " "]
    if not ends:
        return [line]
    depths = [sum((one in "([{") - (one in ")]}") for one in plain[:end]) for end in ends]
    spot = max(end for end, depth in zip(ends, depths, strict=True) if depth == min(depths))
    rest = indent + ("" if inside else "    ") + line[spot:].lstrip()
    return [line[:spot].rstrip(), *_folded(rest, wide, inside=True)]
