"""A schedule of the race lab, as a link that plays it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from rag.crosstalk.explore.scenes import Scene


@dataclass(frozen=True, slots=True)
class Played:
    """What the lab plays."""

    strategy: str
    scene: Scene
    schedule: str

    @property
    def query(self) -> dict[str, str]:
        numbers = {name: str(int(getattr(self.scene, name))) for name in ("users", "tabs", "turns", "cancels")}
        return {"chapter": "6", "strategy": self.strategy, "schedule": self.schedule, **numbers}

    @property
    def address(self) -> str:
        """Relative to another page of the application."""
        return f"race_lab?{urlencode(self.query)}"
