"""Markdown of our own articles and of answers, as a page may draw it."""

from __future__ import annotations

import re

_RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|mailto:)[^)]*\)")


def drawn(markdown: str) -> str:
    """Money is not LaTeX, and a link to another article's file leads nowhere in a browser: its words stay."""
    return _RELATIVE_LINK.sub(r"\1", markdown).replace("$", "\\$")
