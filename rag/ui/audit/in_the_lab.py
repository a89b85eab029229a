"""Which schedule of the race lab is the interleaving that a check forces."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from rag.crosstalk.explore.scenes import Scene


@dataclass(frozen=True, slots=True)
class Played:
    """What the lab plays, and the anomaly that it shows."""

    strategy: str
    scene: Scene
    schedule: str
    shows: str

    @property
    def address(self) -> str:
        """Relative to the audit's page."""
        given = {"chapter": 6, "strategy": self.strategy, "schedule": self.schedule}
        numbers = {name: int(getattr(self.scene, name)) for name in ("users", "tabs", "turns", "cancels")}
        return f"race_lab?{urlencode(given | numbers)}"


TABS, USERS = Scene(tabs=True), Scene()
IN_THE_LAB = {
    "whole.overlapping-turns": Played("lesson-deepcopy", TABS, "AABBBA", "lost-update"),
    "whole.pairs": Played("redis-list", TABS, "AAABBBBA", "interleaved-turns"),
    "apart.shared-read": Played("cached-chain", USERS, "ABBBBBAAAA", "foreign-read"),
    "apart.shared-write": Played("cached-chain", USERS, "AAABBBBBAA", "foreign-write"),
}
"""By check."""
