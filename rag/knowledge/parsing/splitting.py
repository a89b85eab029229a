"""A document's text into passages: never across a heading, tables whole where they fit, small enough to cite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from rag.knowledge.parsing.document import Chunk, ParsedDocument
from rag.knowledge.parsing.limits import MAX_LABEL

TARGET = 700
LONGEST = 900
LONGEST_TABLE = 1800
_FENCES = ("```", "~~~")
_SENTENCE_ENDS = (". ", "! ", "? ")


def split(document: ParsedDocument) -> list[Chunk]:
    """The passages of a document in order; together they hold all of its text."""
    if not document.markdown:
        return [Chunk("", text) for text in _pack(_paragraphs(document.text))]
    sections = groupby(_blocks(document), itemgetter(0))
    chunks = [Chunk(heading, text) for heading, found in sections for text in _pack([block for _, block in found])]
    return chunks or [Chunk("", text) for text in _pack(_paragraphs(document.text))]


def _blocks(document: ParsedDocument) -> Iterator[tuple[str, str]]:
    """The headings above a block, and its lines without indentation. A blank line or a heading ends a block."""
    above: list[tuple[int, str]] = []
    path, fence, block = "", "", list[str]()
    for line in map(str.strip, document.text.split("\n")):
        level = 0 if fence else _level(line)
        if block and (level or not line) and not fence:
            yield path, "\n".join(block)
            block.clear()
        if level:
            above = [(higher, heading) for higher, heading in above if higher < level]
            above.append((level, line[level:].strip()[:MAX_LABEL]))
            path = _path([heading for _, heading in above], document.title)
        elif line or fence:
            block.append(line)
        if fence:
            fence = "" if line.startswith(fence) else fence
        elif line.startswith(_FENCES) and line.count("```") < 2:
            fence = line[:3]
    if block:
        yield path, "\n".join(block)


def _level(line: str) -> int:
    """1 to 6 for a heading, else 0."""
    text = line.lstrip("#")
    level = len(line) - len(text)
    return level if level <= 6 and text[:1] in ("", " ") else 0


def _path(headings: list[str], title: str) -> str:
    headings = [heading for heading in headings if heading]
    if headings and headings[0].casefold() == title.casefold():
        headings = headings[1:]
    return " > ".join(headings)[:MAX_LABEL]


def _paragraphs(text: str) -> list[str]:
    return [part for block in text.split("\n\n") if (part := block.strip("\n").rstrip())]


def _pack(blocks: list[str]) -> list[str]:
    """Join short neighbours up to TARGET characters and cut what is longer than a passage may be."""
    packed: list[str] = []
    for block in blocks:
        for piece in _pieces(block):
            if packed and len(packed[-1]) + len(piece) + 2 <= TARGET:
                packed[-1] += "\n\n" + piece
            else:
                packed.append(piece)
    return packed


def _pieces(block: str) -> list[str]:
    parts = _table(block.split("\n")) if block.startswith("|") else [block]
    longest = LONGEST_TABLE if len(parts) > 1 or block.count("\n|") else LONGEST
    return [piece for part in parts for piece in ([part] if len(part) <= longest else _cut(part))]


def _table(lines: list[str]) -> list[str]:
    """A table, or several of them with the same head when it is too long for one passage."""
    if sum(map(len, lines)) + len(lines) <= LONGEST_TABLE or len(lines) < 4:
        return ["\n".join(lines)]
    head = lines[:2] if sum(map(len, lines[:2])) <= TARGET else []
    tables, size = [lines[:2]], sum(map(len, lines[:2])) + 2
    for line in lines[2:]:
        if size + len(line) > LONGEST_TABLE and len(tables[-1]) > len(head):
            tables.append(list(head))
            size = sum(map(len, head)) + len(head)
        tables[-1].append(line)
        size += len(line) + 1
    return ["\n".join(rows) for rows in tables]


def _cut(text: str) -> list[str]:
    """Pieces of at most TARGET characters, each up to the end of a paragraph, else a line, a sentence or a word."""
    pieces, start = [], 0
    while start < len(text):
        end = start + TARGET
        if end < len(text):
            end = start + _end(text[start:end])
        if piece := text[start:end].strip():
            pieces.append(piece)
        start = end
    return pieces


def _end(window: str) -> int:
    places = (window.rfind("\n\n"), window.rfind("\n"), 1 + max(window.rfind(end) for end in _SENTENCE_ENDS))
    word = next((place for place in range(len(window) - 1, 0, -1) if window[place].isspace()), 0)
    return next((place for place in (*places, word) if place > 0), len(window))
