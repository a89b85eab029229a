"""The citations of an answer as a reader counts them: from 1, in the order in which they appear.

A model cites by the numbers of all the sources that it was shown, and that is what is stored; many of them it did not
use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from rag.chat.prompt import Source

MARK = re.compile(r"\[(\d{1,3})\]")


def numbered(
    text: str, sources: Sequence[Source], mark: Callable[[Source], str] = lambda source: f"[{source.number}]"
) -> tuple[str, tuple[Source, ...]]:
    """The answer, also one that is still being written, and its sources: the cited ones in order, then the others.

    mark: how a citation of a source is written. What names no source stays as it is.
    """
    known = {source.number: source for source in sources}
    order: dict[int, Source] = {}

    def written(found: re.Match[str]) -> str:
        number = int(found[1])
        if number not in known:
            return found[0]
        cited = order.setdefault(number, replace(known[number], number=len(order) + 1))
        return mark(cited)

    text = MARK.sub(written, text)
    others = [source for number, source in known.items() if number not in order]
    return text, (*order.values(), *(replace(one, number=len(order) + n) for n, one in enumerate(others, 1)))
