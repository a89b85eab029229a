"""A session's badge: its initials on its colour, as a small SVG. It holds nothing that a user or a model wrote."""

from __future__ import annotations

from functools import lru_cache

from rag.ui.svg import data_url, rect, svg, text

SIZE = 64


@lru_cache(maxsize=1024)
def badge(name: str, colour: str) -> str:
    """A data URL for `st.chat_message(avatar=…)` and `st.image`."""
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    ground = rect(0, 0, SIZE, SIZE, 18, f'fill="{colour}"')
    return data_url(svg(SIZE, SIZE, ground + text(32, 42, initials, 27, 600, 'fill="#fff"', "middle")))
