"""A session's badge: its initials on its colour, as a small SVG. It holds nothing that a user or a model wrote."""

from __future__ import annotations

import base64


def badge(name: str, colour: str) -> str:
    """A data URL for `st.chat_message(avatar=…)` and `st.image`."""
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    font = 'font-family="Source Sans Pro,Source Sans,system-ui,sans-serif" font-size="27" font-weight="600"'
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
        f'<rect width="64" height="64" rx="18" fill="{colour}"/>'
        f'<text x="32" y="42" {font} text-anchor="middle" fill="#fff">{initials}</text></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()
