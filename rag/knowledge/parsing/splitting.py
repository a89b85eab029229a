"""A document's text into passages: never across a heading, tables whole where they fit, small enough to cite."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

from rag.knowledge.parsing.formats import Loaded

TARGET = 700
LONGEST = 900
LONGEST_TABLE = 1800
_LEVELS = [("#" * level, str(level)) for level in range(1, 7)]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage's text and the headings above it, joined by " > " (the title left out)."""

    heading: str
    text: str

    def embedded(self, title: str, keywords: tuple[str, ...]) -> str:
        """What is compared with a question: the text in its place."""
        place = " > ".join(part for part in (title, self.heading) if part)
        return "\n".join(part for part in (place, ", ".join(keywords), self.text) if part)


def split(loaded: Loaded) -> list[Chunk]:
    """The passages of a document in order; together they hold all of its text."""
    if not loaded.markdown:
        return [Chunk("", text) for text in _pack(_paragraphs(loaded.text))]
    sections: list[tuple[str, list[str]]] = []
    for block in _headers().split_text(loaded.text):
        heading = _path(block.metadata, loaded.title)
        if not sections or sections[-1][0] != heading:
            sections.append((heading, []))
        sections[-1][1].append(block.page_content)
    chunks = [Chunk(heading, text) for heading, blocks in sections for text in _pack(blocks)]
    return chunks or [Chunk("", text) for text in _pack(_paragraphs(loaded.text))]


def _path(metadata: dict[str, str], title: str) -> str:
    headings = [metadata[level] for _, level in _LEVELS if metadata.get(level)]
    if headings and headings[0].casefold() == title.casefold():
        headings = headings[1:]
    return " > ".join(headings)


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
    parts = _table(block.splitlines()) if block.lstrip().startswith("|") else [block]
    longest = LONGEST_TABLE if len(parts) > 1 or block.count("\n|") else LONGEST
    return [piece for part in parts for piece in ([part] if len(part) <= longest else _sentences().split_text(part))]


def _table(lines: list[str]) -> list[str]:
    """A table, or several of them with the same head when it is too long for one passage."""
    if sum(map(len, lines)) + len(lines) <= LONGEST_TABLE or len(lines) < 4:
        return ["\n".join(lines)]
    head, tables = lines[:2], [lines[:2]]
    for line in lines[2:]:
        size = sum(map(len, tables[-1])) + len(tables[-1])
        if size + len(line) > LONGEST_TABLE and len(tables[-1]) > 2:
            tables.append(list(head))
        tables[-1].append(line)
    return ["\n".join(rows) for rows in tables]


@cache
def _headers() -> MarkdownHeaderTextSplitter:
    return MarkdownHeaderTextSplitter(_LEVELS, return_each_line=True)


@cache
def _sentences() -> RecursiveCharacterTextSplitter:
    return RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n", r"(?<=[.!?])\s+", r"\s+", ""],
        is_separator_regex=True,
        chunk_size=TARGET,
        chunk_overlap=0,
        keep_separator="start",
    )
