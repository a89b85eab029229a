"""Bytes of a file in, its readable text out: Markdown for everything that has headings. Else BadDocument.

No format's parser may take the process down: each one's errors become one line about that file.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from rag.errors import BadDocument
from rag.knowledge.parsing.markup import html_to_markdown

MAX_BYTES = 10 * 1024 * 1024
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file's text. `markdown` says whether `#` lines are headings; `asked` are customers' questions for it."""

    title: str
    keywords: tuple[str, ...]
    text: str
    markdown: bool
    asked: tuple[str, ...] = ()


def load(name: str, data: bytes) -> Loaded:
    """Read a file of this name. Raises BadDocument when it is empty, too large, unreadable or of an unknown kind."""
    suffix = PurePath(name).suffix.lower()
    reader = _READERS.get(suffix)
    if reader is None:
        raise BadDocument(name, f"files of the kind {suffix or 'without suffix'} cannot be read", _KNOWN)
    if len(data) > MAX_BYTES:
        raise too_large(name, len(data))
    if not data.strip():
        raise BadDocument(name, "the file is empty")
    loaded = reader(name, data)
    if not loaded.text.strip():
        raise BadDocument(name, "no readable text was found in it", "It was skipped; add a version with text in it.")
    return loaded


def too_large(name: str, size: int) -> BadDocument:
    """The error for a file over the limit."""
    return BadDocument(name, f"the file has {size / 1024 / 1024:.1f} MB, more than 10", "It was skipped; split it.")


def suffixes() -> tuple[str, ...]:
    """The file name endings that can be read."""
    return tuple(_READERS)


def _text(name: str, data: bytes) -> str:
    if b"\x00" in data:
        raise BadDocument(name, "it holds binary data, not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise BadDocument(name, f"it is not UTF-8 text (byte {exc.start})", "It was skipped; save as UTF-8.") from exc
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown(name: str, data: bytes) -> Loaded:
    text = _text(name, data)
    matter: dict[str, list[str]] = {}
    if match := _FRONT_MATTER.match(text):
        matter = _front_matter(match[1])
        text = text[match.end() :]
    text = text.strip("\n")
    heading = _HEADING.search(text)
    title = " ".join(matter.get("title", [])) or (heading[1] if heading else "") or _stem(name)
    keywords = ",".join(matter.get("keywords", [])).strip("[]").split(",")
    asked = tuple(dict.fromkeys(filter(None, matter.get("asked", []))))
    return Loaded(title.strip(), tuple(filter(None, map(_unquoted, keywords))), text, markdown=True, asked=asked)


def _front_matter(block: str) -> dict[str, list[str]]:
    """`key: value` lines, and `- item` lines under a key. Titles with a colon in them are fine, unlike in YAML."""
    matter: dict[str, list[str]] = {}
    values: list[str] = []
    for line in block.splitlines():
        if line.lstrip().startswith("- "):
            values.append(_unquoted(line.lstrip()[2:]))
        elif ":" in line:
            key, _, value = line.partition(":")
            values = matter.setdefault(key.strip().lower(), [])
            values.extend(filter(None, [_unquoted(value)]))
    return matter


def _unquoted(value: str) -> str:
    return value.strip().strip("\"'").strip()


def _plain(name: str, data: bytes) -> Loaded:
    return Loaded(_stem(name), (), _text(name, data).strip("\n"), markdown=False)


def _html(name: str, data: bytes) -> Loaded:
    title, text = html_to_markdown(_text(name, data))
    heading = _HEADING.search(text)
    return Loaded(title or (heading[1] if heading else _stem(name)), (), text, markdown=True)


def _pdf(name: str, data: bytes) -> Loaded:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it would log is told by our one line
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise BadDocument(name, "the PDF is encrypted", "It was skipped; save it without a password.")  # noqa: TRY301
        pages = [page.extract_text() for page in reader.pages]
        title = str((reader.metadata and reader.metadata.title) or _stem(name))
    except BadDocument:
        raise
    except Exception as exc:
        # pypdf meets broken files with errors of many classes, its own and the standard library's.
        raise BadDocument(name, "the PDF is damaged and cannot be read") from exc
    parts = [f"## Page {number}\n\n{text.strip()}" for number, text in enumerate(pages, 1) if text.strip()]
    return Loaded(title.strip() or _stem(name), (), "\n\n".join(parts).replace("\x00", ""), markdown=True)


def _stem(name: str) -> str:
    return PurePath(name).stem.replace("-", " ").replace("_", " ").strip().capitalize() or name


_READERS: dict[str, Callable[[str, bytes], Loaded]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _plain,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
}
_KNOWN = "It was skipped; give " + ", ".join(list(_READERS)[:-1]) + " or " + list(_READERS)[-1] + "."
