"""Bytes of a file in, its readable text out: Markdown for everything that has headings. Else BadDocument.

Runs in the worker process. Each format's errors become one line about that file; what it costs is limited here where
it can be counted, and by the process where it cannot.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import PurePath
from typing import TYPE_CHECKING

from rag.errors import BadDocument
from rag.knowledge.parsing import limits
from rag.knowledge.parsing.document import ParsedDocument
from rag.knowledge.parsing.markup import html_to_markdown

if TYPE_CHECKING:
    from pypdf import PdfReader


def load(name: str, data: bytes) -> ParsedDocument:
    """Read a file of this name. Raises BadDocument when it is empty, too large, unreadable or of an unknown kind."""
    limits.check(name, data)
    loaded = _READERS[PurePath(name).suffix.lower()](name, data)
    if not loaded.text.strip():
        raise BadDocument(name, "no readable text was found in it", "It was skipped; add a version with text in it.")
    if len(loaded.text) > limits.MAX_CHARACTERS:
        raise _too_long(name)
    return replace(
        loaded,
        title=_label(loaded.title) or _stem(name),
        keywords=tuple(map(_label, loaded.keywords[: limits.MAX_LABELS])),
        asked=tuple(map(_label, loaded.asked[: limits.MAX_LABELS])),
    )


def _label(text: str) -> str:
    return text.strip()[: limits.MAX_LABEL]


def _too_long(name: str) -> BadDocument:
    return limits.too_much(name, f"it holds more than {limits.MAX_CHARACTERS:,} characters of text")


def _text(name: str, data: bytes) -> str:
    if b"\x00" in data:
        raise BadDocument(name, "it holds binary data, not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise BadDocument(name, f"it is not UTF-8 text (byte {exc.start})", "It was skipped; save as UTF-8.") from exc
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown(name: str, data: bytes) -> ParsedDocument:
    text, matter = _without_front_matter(_text(name, data))
    text = text.strip("\n")
    title = " ".join(matter.get("title", [])) or _heading(text)
    keywords = ",".join(matter.get("keywords", [])).strip("[]").split(",")
    asked = tuple(dict.fromkeys(filter(None, matter.get("asked", []))))
    return ParsedDocument(title, tuple(filter(None, map(_unquoted, keywords))), text, asked=asked)


def _heading(text: str) -> str:
    """The first heading of a text in Markdown, else empty."""
    for line in io.StringIO(text):
        rest = line.lstrip("#")
        if 1 <= len(line) - len(rest) <= 6 and rest.startswith((" ", "\t")) and (found := rest.strip(" \t#\n")):
            return found
    return ""


def _without_front_matter(text: str) -> tuple[str, dict[str, list[str]]]:
    """What follows the block between the first line and the next one of three hyphens, and what that block says."""
    lines = io.StringIO(text)
    if lines.readline().rstrip(" \t\n") != "---":
        return text, {}
    block: list[str] = []
    for line in lines:
        if line.rstrip(" \t\n") == "---":
            return lines.read(), _front_matter(block)
        block.append(line)
    return text, {}


def _front_matter(lines: list[str]) -> dict[str, list[str]]:
    """`key: value` lines, and `- item` lines under a key. Titles with a colon in them are fine, unlike in YAML."""
    matter: dict[str, list[str]] = {}
    values: list[str] = []
    for line in lines:
        if line.lstrip().startswith("- "):
            values.append(_unquoted(line.lstrip()[2:]))
        elif ":" in line:
            key, _, value = line.partition(":")
            values = matter.setdefault(key.strip().lower(), [])
            values.extend(filter(None, [_unquoted(value)]))
    return matter


def _unquoted(value: str) -> str:
    return value.strip().strip("\"'").strip()


def _plain(name: str, data: bytes) -> ParsedDocument:
    return ParsedDocument("", (), _text(name, data).strip("\n"), markdown=False)


def _html(name: str, data: bytes) -> ParsedDocument:
    title, text = html_to_markdown(name, _text(name, data))
    return ParsedDocument(title or _heading(text), (), text)


def _pdf(name: str, data: bytes) -> ParsedDocument:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it would log is told by our one line
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise BadDocument(name, "the PDF is encrypted", "It was skipped; save it without a password.")  # noqa: TRY301
        pages = _pages(name, reader)
        title = str((reader.metadata and reader.metadata.title) or "")
    except (BadDocument, MemoryError):
        raise
    except Exception as exc:
        # pypdf meets broken files with errors of many classes, its own and the standard library's.
        raise BadDocument(name, "the PDF is damaged and cannot be read") from exc
    parts = [f"## Page {number}\n\n{text.strip()}" for number, text in enumerate(pages, 1) if text.strip()]
    return ParsedDocument(_readable(title), (), _readable("\n\n".join(parts)))


def _pages(name: str, reader: PdfReader) -> list[str]:
    if len(reader.pages) > limits.MAX_PAGES:
        raise limits.too_much(name, f"it has more than {limits.MAX_PAGES} pages")
    operators, characters, texts = count(1), 0, []

    def counted(*_: object) -> None:
        if next(operators) > limits.MAX_OPERATORS:
            raise limits.too_much(name, f"its pages are drawn in more than {limits.MAX_OPERATORS:,} steps")

    for page in reader.pages:
        texts.append(page.extract_text(visitor_operand_before=counted))
        characters += len(texts[-1])
        if characters > limits.MAX_CHARACTERS:
            raise _too_long(name)
    return texts


def _readable(text: str) -> str:
    """Without what no text in UTF-8 may hold."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def _stem(name: str) -> str:
    return PurePath(name).stem.replace("-", " ").replace("_", " ").strip().capitalize() or name


_READERS: dict[str, Callable[[str, bytes], ParsedDocument]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _plain,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
}
