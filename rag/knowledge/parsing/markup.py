"""HTML to Markdown, for reading and splitting only: headings, paragraphs, lists and tables stay."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

_DROPPED = ("script", "style", "noscript", "template", "nav", "svg", "iframe", "form", "head")
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_BLOCKS = {"p", "pre", "blockquote", "dt", "dd", "figcaption", "address", "caption", "summary"}
_SPACES = re.compile(r"\s+")


def html_to_markdown(html: str) -> tuple[str, str]:
    """(title, text). The title is the page's, else empty; the text has one blank line between blocks."""
    soup = BeautifulSoup(html, "lxml")
    title = _line(soup.title) if soup.title else ""
    for tag in soup.find_all(_DROPPED):
        tag.decompose()
    blocks: list[str] = []
    root = soup.find("main") or soup.body or soup
    _walk(root, blocks)
    return title, "\n\n".join(blocks)


def _walk(node: Tag, blocks: list[str]) -> None:
    loose: list[str] = []
    for child in node.children:
        if isinstance(child, Tag) and _is_block(child):
            _flush(loose, blocks)
            _block(child, blocks)
        elif isinstance(child, Tag):
            loose.append(child.get_text(" "))
        elif type(child) is NavigableString:
            loose.append(str(child))
    _flush(loose, blocks)


def _is_block(tag: Tag) -> bool:
    names = _BLOCKS | _HEADINGS.keys() | {"ul", "ol", "table"}
    return tag.name in names or tag.find(list(names)) is not None or tag.name in {"div", "section", "article"}


def _block(tag: Tag, blocks: list[str]) -> None:
    if tag.name in _HEADINGS:
        if text := _line(tag):
            blocks.append(f"{_HEADINGS[tag.name]} {text}")
    elif tag.name in {"ul", "ol"}:
        items = [text for item in tag.find_all("li", recursive=False) if (text := _line(item))]
        if items:
            blocks.append("\n".join(f"- {text}" for text in items))
    elif tag.name == "table":
        _table(tag, blocks)
    elif tag.name in _BLOCKS:
        _flush([tag.get_text(" ")], blocks)
    else:
        _walk(tag, blocks)


def _table(table: Tag, blocks: list[str]) -> None:
    rows = [[_line(cell).replace("|", "\\|") for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    rows = [row for row in rows if any(row)]
    if not rows:
        return
    width = max(map(len, rows))
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    blocks.append("\n".join([lines[0], "|" + " --- |" * width, *lines[1:]]))


def _flush(parts: list[str], blocks: list[str]) -> None:
    if text := _SPACES.sub(" ", " ".join(parts)).strip():
        blocks.append(text)
    parts.clear()


def _line(tag: Tag) -> str:
    return _SPACES.sub(" ", tag.get_text(" ")).strip()
