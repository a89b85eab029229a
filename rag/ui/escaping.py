"""Text that somebody wrote, made safe to stand inside Markdown: what they typed is what is seen.

For words in a line of ours, such as a title. A whole text is better drawn by `st.text`, which knows no Markdown.
"""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&=])")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_LINE_END = re.compile(r"\r\n?|\n")


def escaped(text: str) -> str:
    """`text` with all Markdown, HTML, LaTeX and Streamlit directives taken literally; line breaks are kept."""
    lines = _LINE_END.sub("\n", text)
    # Four blanks would begin a block of code.
    kept = _INDENT.sub(lambda blanks: "\u00a0" * len(blanks[0].expandtabs(4)), lines)
    return _MARKDOWN.sub(r"\\\1", kept).replace("\n", "  \n")


def code(text: str) -> str:
    """As code within a line, in which nothing is Markdown, nor an address a link."""
    return f"`{' '.join(text.replace('`', ' ').split())}`"


def count(number: int, thing: str) -> str:
    """`1 passage`, `3 passages`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def duration(seconds: float) -> str:
    """To the nearest: `2 h 5 min`, `60 min`, `40 s`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
