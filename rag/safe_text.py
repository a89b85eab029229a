"""Texts that strangers wrote, made harmless for where they go: terminal, Markdown file, spreadsheet, masked view.

What cannot be seen, or changes how its surroundings look (control characters, ANSI sequences, bidirectional controls,
invisible characters), is written out as an escape, so that it is seen and does nothing.
"""

from __future__ import annotations

import re
import unicodedata

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PLAIN = re.compile(r"\A[\x20-\x7e\n\t]*\Z")
_BACKTICKS = re.compile("`+")
_FORMULA = tuple("=+-@\t\r\n|%＝＋－＠")
MASK = "•"


def visible(text: str) -> str:
    """Line breaks and tabs stay; everything else that is not seen as itself becomes an escape like `\\u202e`."""
    if _PLAIN.match(text):
        return text
    return "".join(one if one in "\n\t" or not _harmful(one) else _escape(one) for one in text.replace("\r\n", "\n"))


def line(text: str, longest: int = 0) -> str:
    """The same in one line, shortened to so many characters (0: all)."""
    joined = visible(" ".join(text.split()))
    return joined if not longest or len(joined) <= longest else joined[: longest - 1] + "…"


def masked(text: str) -> str:
    """How long it is and nothing else, in steps that do not tell the exact length."""
    if not text:
        return ""
    about = 10 if len(text) < 10 else round(len(text), -1) if len(text) < 100 else round(len(text), -2)
    return f"{MASK * 6} (about {about} characters)"


def fenced(text: str) -> str:
    """A block of code in Markdown that the text cannot end: nothing in it is Markdown or HTML."""
    longest = max((len(found[0]) for found in _BACKTICKS.finditer(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{visible(text)}\n{fence}"


def cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what could begin one."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip(" \u00a0'\"").startswith(_FORMULA) else shown


def _harmful(one: str) -> bool:
    # Joiners are part of how words and emoji are written.
    return unicodedata.category(one) in _HARMFUL and one not in "\u200d\u200c"


def _escape(one: str) -> str:
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
