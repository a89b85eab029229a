"""Which schedule of the race lab is the interleaving that a check forces, and the anomaly that it shows there."""

from __future__ import annotations

from rag.crosstalk.checker.anomalies import FOREIGN_READ, FOREIGN_WRITE, INTERLEAVED_TURNS, LOST_UPDATE
from rag.crosstalk.explore.scenes import Scene
from rag.ui.lab_link import Played

TABS, USERS = Scene(tabs=True), Scene()
IN_THE_LAB = {
    "whole.overlapping-turns": (Played("lesson-deepcopy-session", TABS, "AABBBA"), LOST_UPDATE.kind),
    "whole.pairs": (Played("redis-list", TABS, "AAABBBBA"), INTERLEAVED_TURNS.kind),
    "apart.shared-read": (Played("cached-chain", USERS, "ABBBBBAAAA"), FOREIGN_READ.kind),
    "apart.shared-write": (Played("cached-chain", USERS, "AAABBBBBAA"), FOREIGN_WRITE.kind),
}
"""By check."""
