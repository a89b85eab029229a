"""A source's Markdown as units that can be quoted: sentences, list items and table rows, none cut off.

Markdown is read by markdown-it-py and sentences are told apart by sentencex, both in time linear in the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from sentencex import segment

LONGEST = 20_000
"""Characters of a text that are looked at; passages and messages are shorter."""

POINTING = 0.3
"""A sentence with more of it in links than this only points elsewhere."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_NOTHING = frozenset({"", "-", "–", "—"})
Kind = Literal["sentence", "item", "step", "row"]


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that can be quoted. `place` is where it stands: titles, headings, and what introduces it.

    `block` numbers the paragraphs, lists and tables of a text. `points`: it only says where to read on.
    """

    text: str
    place: str = ""
    kind: Kind = "sentence"
    block: int = 0
    points: bool = False


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, in any language that ends them with . ! or ?"""
    found = (" ".join(piece.split()) for line in text[:LONGEST].split("\n") for piece in segment("en", line))
    return [sentence for piece in found if piece for sentence in _after_amounts(piece)]


def _after_amounts(text: str) -> list[str]:
    """Cut where a unit of measure ends a sentence, which passes for an abbreviation: “It weighs 340 g. The other …”"""
    words, start, found = text.split(" "), 0, []
    for place in range(1, len(words) - 1):
        amount = len(words[place]) == 2 and words[place].endswith(".") and words[place - 1][-1:].isdigit()
        if amount and words[place + 1][:1].isupper():
            found.append(" ".join(words[start : place + 1]))
            start = place + 1
    return [*found, " ".join(words[start:])]


def units(text: str, place: str = "") -> Iterator[Unit]:
    """The units of a Markdown or plain text in reading order."""
    heading, lead, block = place, "", 0
    kind: Kind = "sentence"
    head: list[str] = []
    cells: list[str] = []
    inside = ""
    for token in _MARKDOWN.parse(text[:LONGEST]):
        match token.type:
            case "heading_open" | "th_open" | "td_open" | "paragraph_open":
                inside = token.type
                block += token.type == "paragraph_open" and kind == "sentence"
            case "bullet_list_open" | "ordered_list_open":
                kind, block = ("item" if token.type == "bullet_list_open" else "step"), block + 1
            case "bullet_list_close" | "ordered_list_close":
                kind, lead = "sentence", ""
            case "table_open":
                head, cells, block = [], [], block + 1
            case "tr_close":
                if row := _row(head, cells):
                    yield Unit(row, _joined(heading, lead), "row", block)
                head, cells = head or cells, []
            case "inline":
                said = _plain(token.children or ())
                if inside == "heading_open":
                    heading, lead = _joined(place, said), ""
                elif inside in ("th_open", "td_open"):
                    cells.append(said)
                elif kind != "sentence":
                    yield Unit(said, _joined(heading, lead), kind, block)
                else:
                    links = _links(token.children or ())
                    for sentence in sentences(said):
                        linked = sum(len(link) for link in links if link in sentence)
                        yield Unit(sentence, heading, "sentence", block, linked > POINTING * len(sentence))
                        lead = sentence if sentence.endswith(":") else ""
            case "code_block" | "fence":
                yield Unit(" ".join(token.content.split()), heading, "item", block)
            case _:
                pass


def _row(head: Sequence[str], cells: Sequence[str]) -> str:
    """A table's row, each cell with the name of its column: nothing for the head itself."""
    if not head:
        return ""
    first, *rest = cells or [""]
    if head[0] and first[:1].isdigit():
        first = f"{head[0]} {first}"
    named = [
        f"{name}: {cell}" if name else cell for name, cell in zip(head[1:], rest, strict=False) if cell not in _NOTHING
    ]
    return f"{first} – {'; '.join(named)}" if named else first


def _plain(tokens: Sequence[Token]) -> str:
    parts = [" " if token.type in ("softbreak", "hardbreak") else token.content for token in tokens]
    return " ".join("".join(parts).split())


def _links(tokens: Sequence[Token]) -> list[str]:
    found, inside = [], False
    for token in tokens:
        inside = token.type == "link_open" or (inside and token.type != "link_close")
        if inside and token.content:
            found.append(token.content)
    return found


def _joined(*parts: str) -> str:
    return " > ".join(part for part in parts if part)
