"""The colours of what went wrong, and of whose it is: the same in every chart and in both themes; a name stands beside
each."""

from __future__ import annotations

RIGHT = "right"
OUTCOMES = {
    RIGHT: "#2f9e63",
    "leak": "#d6336c",
    "lost": "#e8590c",
    "torn": "#f2a33c",
    "stale": "#7c6ee6",
    "forgotten": "#4dabc4",
    "misplaced": "#a61e4d",
    "stuck": "#495057",
    "odd": "#868e96",
}
"""By the name of `rag.crosstalk.explore.outcomes.GROUPS`, as the charts list them."""
OWNERS = {"A": "#7c6ee6", "B": "#e8590c", "C": "#2f9e63", "D": "#1c7ed6", "E": "#c92a2a"}
"""By letter in `rag.crosstalk.explore.scenes.LETTERS`."""
NAMED = {"A": "violet", "B": "orange", "C": "green", "D": "blue", "E": "red"}
"""The same, as Streamlit's Markdown names them. The letter stands beside it."""
