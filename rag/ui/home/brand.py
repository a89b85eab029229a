"""The name and the mark, from files of this program."""

from __future__ import annotations

import base64
from pathlib import Path

_HERE = Path(__file__).parent

LOGO, MARK = str(_HERE / "logo.svg"), str(_HERE / "mark.svg")
ICON = "data:image/svg+xml;base64," + base64.b64encode(Path(MARK).read_bytes()).decode()
"""For the browser's tab."""
