"""What a document is once it has been read, and how it travels between the process that reads and the one that asks.

Lines of JSON, never pickled objects: the process that reads is not trusted. No line is so long that decoding it would
hold up the other threads of a server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO

import orjson

from rag.errors import BadDocument

_TOGETHER = 200
"""Passages in a line."""

_PIECE = 200_000
"""Characters of text in a line."""

_LONGEST = 6 * 1024 * 1024
"""Bytes of a line; no honest one has so many."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage's text and the headings above it, joined by " > " (the title left out)."""

    heading: str
    text: str

    def embedded(self, title: str, keywords: tuple[str, ...]) -> str:
        """What is compared with a question: the text in its place."""
        place = " > ".join(part for part in (title, self.heading) if part)
        return "\n".join(part for part in (place, ", ".join(keywords), self.text) if part)


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file's readable text and, once it is split, its passages.

    `markdown` says whether `#` lines are headings; `asked` are the customers' questions that it says it answers.
    """

    title: str
    keywords: tuple[str, ...]
    text: str
    markdown: bool = True
    asked: tuple[str, ...] = ()
    chunks: tuple[Chunk, ...] = ()

    def lines(self) -> Iterator[bytes]:
        """What `received` reads."""
        parts: Iterator[object] = chain(
            [{"document": [self.title, self.keywords, self.asked]}],
            (self.text[start : start + _PIECE] for start in range(0, len(self.text), _PIECE)),
            (self.chunks[start : start + _TOGETHER] for start in range(0, len(self.chunks), _TOGETHER)),
            [None],
        )
        return (orjson.dumps(part) + b"\n" for part in parts)


def refusal(exc: BadDocument) -> bytes:
    """What `received` reads in place of a document."""
    return orjson.dumps({"bad": [exc.reason, exc.todo]}) + b"\n"


def received(stream: IO[bytes]) -> ParsedDocument | list[str]:
    """A document, or the arguments of the error about it. Raises ValueError or TypeError for anything else."""
    head = orjson.loads(stream.readline(_LONGEST))
    if "bad" in head:
        return [str(said) for said in head["bad"]]
    text: list[str] = []
    chunks: list[Chunk] = []
    while (part := orjson.loads(stream.readline(_LONGEST))) is not None:
        if isinstance(part, str):
            text.append(part)
        else:
            chunks += [Chunk(**one) for one in part]
    title, keywords, asked = head["document"]
    return ParsedDocument(title, tuple(keywords), "".join(text), asked=tuple(asked), chunks=tuple(chunks))
