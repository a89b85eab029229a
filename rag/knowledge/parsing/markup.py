"""HTML to Markdown, for reading and splitting only: headings, paragraphs, lists and tables stay.

The parser's events are read as they come: no tree, so time and memory grow with the text, however it is nested.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from lxml import etree

from rag.knowledge.parsing.limits import MAX_DEPTH, too_much

_DROPPED = {"script", "style", "noscript", "template", "nav", "svg", "iframe", "form", "head"}
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_PARAGRAPHS = {"p", "pre", "blockquote", "dt", "dd", "figcaption", "address", "caption", "summary"}
_UNITS = _HEADINGS.keys() | _PARAGRAPHS | {"li", "td", "th"}
_LISTS = {"ul", "ol"}
_DIVISIONS = {"body", "main", "div", "section", "article", "header", "footer", "aside", "details"}


def html_to_markdown(name: str, html: str) -> tuple[str, str]:
    """(title, text). The title is the page's, else empty; the text has one blank line between blocks.

    Raises BadDocument, for the file of that name, when too many elements are inside one another.
    """
    page = _Page(name)
    parser = etree.HTMLParser(target=page, encoding="utf-8", recover=True)
    parser.feed(html.encode())
    parser.close()
    return page.title, "\n\n".join(page.blocks)


class _Page:
    """The target of lxml's parser. A unit is an element whose text becomes one heading, paragraph, item or cell."""

    def __init__(self, name: str) -> None:
        self.title = ""
        self.blocks: list[str] = []
        self._name = name
        self._depth = 0
        self._dropped: float = 0
        self._unit = 0
        self._main = 0
        self._named = False
        self._parts: list[str] = []
        self._items: list[list[str]] = []
        self._rows: list[list[list[str]]] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        del attributes
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise too_much(self._name, f"more than {MAX_DEPTH} of its elements are inside one another")
        if tag == "title" and not self.title:
            self._named = True
        elif self._dropped:
            pass
        elif tag in _DROPPED:
            self._dropped = self._depth
        elif self._unit:
            self._parts.append(" ")
        else:
            self._open(tag)

    def _open(self, tag: str) -> None:
        if tag in _UNITS or tag in _DIVISIONS or tag in _LISTS or tag == "table":
            self._flush()
        self._parts.append(" ")
        if tag == "main" and not self._main:
            self._main = self._depth
            self.blocks.clear()
        elif tag in _UNITS:
            self._unit = self._depth
        elif tag in _LISTS:
            self._items.append([])
        elif tag == "table":
            self._rows.append([])
        elif tag == "tr" and self._rows:
            self._rows[-1].append([])

    def data(self, text: str) -> None:
        if self._named:
            self.title += text
        elif not self._dropped:
            self._parts.append(text)

    def end(self, tag: str) -> None:
        depth, self._depth = self._depth, self._depth - 1
        if self._named:
            self.title, self._named = " ".join(self.title.split()), tag != "title"
        elif self._dropped:
            self._dropped = 0 if depth == self._dropped else self._dropped
        elif self._unit and depth > self._unit:
            self._parts.append(" ")
        else:
            self._close(tag)
        if depth == self._main:
            self._dropped = math.inf  # for good

    def _close(self, tag: str) -> None:
        self._parts.append(" ")
        if self._unit:
            self._unit = 0
            self._place(tag, self._taken())
        elif tag in _DIVISIONS:
            self._flush()
        elif tag in _LISTS and self._items:
            self._flush()
            if items := self._items.pop():
                self.blocks.append("\n".join(f"- {item}" for item in items))
        elif tag == "table" and self._rows:
            self._flush()
            self._table([row for row in self._rows.pop() if any(row)])

    def _place(self, tag: str, text: str) -> None:
        if tag in ("td", "th") and self._rows and self._rows[-1]:
            self._rows[-1][-1].append(text.replace("|", "\\|"))
        elif not text:
            pass
        elif tag == "li" and self._items:
            self._items[-1].append(text)
        else:
            self.blocks.append(f"{_HEADINGS[tag]} {text}" if tag in _HEADINGS else text)

    def _table(self, rows: list[list[str]]) -> None:
        if not rows:
            return
        width = max(map(len, rows))
        if width * len(rows) > 2 * sum(map(len, rows)) + 1000:
            width = 0  # one row much wider than the rest: filling up the others would be most of the text
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
        self.blocks.append("\n".join([lines[0], "|" + " --- |" * (width or len(rows[0])), *lines[1:]]))

    def _taken(self) -> str:
        text = " ".join("".join(self._parts).split())
        self._parts.clear()
        return text

    def _flush(self) -> None:
        if text := self._taken():
            self.blocks.append(text)

    def close(self) -> None:
        self._flush()
