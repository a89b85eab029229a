"""An answer as the chat draws it: its citations count from 1, and each is a link to the article that it quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

from rag.chat import Source, numbered
from rag.ui.markup import drawn

ARTICLE = "article"
"""The knowledge page's query parameter with a document's id."""
_NOT_IN_ANCHORS = re.compile(r"[^a-z0-9]+")


def linked(answer: str, sources: Sequence[Source]) -> tuple[str, tuple[Source, ...]]:
    """Markdown of an answer, also of one that is still being written, and its sources as they are numbered there."""
    return numbered(drawn(answer), sources, lambda source: f"[\\[{source.number}\\]]({address(source)})")


def address(source: Source) -> str:
    """The article on the knowledge page, at its section, relative to the chat's own address."""
    section = source.heading.rpartition(" > ")[2]
    anchor = _NOT_IN_ANCHORS.sub("-", section.lower()).strip("-") if section.isascii() else ""
    return f"knowledge?{urlencode({ARTICLE: source.document_id})}" + (f"#{anchor}" if anchor else "")
