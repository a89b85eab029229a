"""Which schedule of the race lab is the interleaving that a check forces, and the anomaly that it shows there."""

from __future__ import annotations

from rag.crosstalk.explore.scenes import Scene
from rag.ui.lab_link import Played

TABS, USERS = Scene(tabs=True), Scene()
IN_THE_LAB = {
    "whole.overlapping-turns": (Played("lesson-deepcopy-session", TABS, "AABBBA"), "lost-update"),
    "whole.pairs": (Played("redis-list", TABS, "AAABBBBA"), "interleaved-turns"),
    "apart.shared-read": (Played("cached-chain", USERS, "ABBBBBAAAA"), "foreign-read"),
    "apart.shared-write": (Played("cached-chain", USERS, "AAABBBBBAA"), "foreign-write"),
}
"""By check."""
