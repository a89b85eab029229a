"""A schedule of the race lab, as a link that plays it."""

from __future__ import annotations

from dataclasses import dataclass

from rag.crosstalk.explore.lab_address import lab_address, lab_query
from rag.crosstalk.explore.scenes import Scene


@dataclass(frozen=True, slots=True)
class Played:
    """What the lab plays."""

    strategy: str
    scene: Scene
    schedule: str

    @property
    def query(self) -> dict[str, str]:
        """As the lab writes it, so that its page is one step back."""
        return {"chapter": "lab", **lab_query(self.strategy, self.scene, self.schedule)}

    @property
    def address(self) -> str:
        """Relative to another page of the application."""
        return lab_address(self.strategy, self.scene, self.schedule)
