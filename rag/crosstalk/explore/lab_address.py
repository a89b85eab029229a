"""The address of a schedule in the race lab, so that a report, a test or an audit can link to what it found."""

from __future__ import annotations

from urllib.parse import urlencode

from rag.crosstalk.explore.scenes import Scene

NUMBERS = ("users", "tabs", "turns", "cancels")
"""Of a scene, as they stand in it."""


def lab_query(strategy: str, scene: Scene, schedule: str) -> dict[str, str]:
    """What the address says after its question mark."""
    numbers = {name: str(int(getattr(scene, name))) for name in NUMBERS}
    return {"strategy": strategy, **numbers, "schedule": schedule}


def lab_address(strategy: str, scene: Scene, schedule: str) -> str:
    """Relative to the other pages of the application."""
    return f"race-lab?{urlencode(lab_query(strategy, scene, schedule))}"
