"""Text that somebody wrote, made safe to stand inside Markdown: what they typed is what is seen."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def escaped(text: str) -> str:
    """`text` with all Markdown, HTML, LaTeX and Streamlit directives taken literally; line breaks are kept."""
    return _MARKDOWN.sub(r"\\\1", text).replace("\n", "  \n")


def count(number: int, thing: str) -> str:
    """`1 passage`, `3 passages`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
