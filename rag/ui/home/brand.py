"""The name and the mark, from files of this program."""

from __future__ import annotations

import base64
from pathlib import Path

_HERE = Path(__file__).parent

LOGO = str(_HERE / "logo.svg")
ICON = "data:image/svg+xml;base64," + base64.b64encode((_HERE / "mark.svg").read_bytes()).decode()
"""For the browser's tab."""
