"""The name and the mark, from files of this program, and what the theme cannot say."""

from __future__ import annotations

import base64
from pathlib import Path

_HERE = Path(__file__).parent

LOGO = str(_HERE / "logo.svg")
ICON = "data:image/svg+xml;base64," + base64.b64encode((_HERE / "mark.svg").read_bytes()).decode()
"""For the browser's tab."""

STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding-top: 4.5rem}
button[data-selected="true"] p, [role="tab"][aria-selected="true"] p {color: light-dark(#4a3bc4, #b3a8ff)}
[data-testid^="stTopNav"] span[label]::after {content: none}
</style>"""
"""A heading begins below the navigation, not a hand further down. What is chosen is written in the theme's primary
colour, on which white has to be read elsewhere: for text on a dark ground it is too dark, so it takes that of links.
And Streamlit keeps a link of the navigation as wide as the source of its title in bold, with the icon's name: a gap."""
