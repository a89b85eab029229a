"""What a check found, as the report, the command and the page show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["pass", "fail", "unknown", "not applicable"]
ORDER: tuple[Status, ...] = ("fail", "unknown", "pass", "not applicable")
"""From the worst; a check that was tried in two lanes has the worse of both."""


@dataclass
class Outcome:
    """One check at one store."""

    id: str
    status: Status
    evidence: str = ""
    """What was seen, or why it cannot be told or does not apply. One line."""
    tried: list[str] = field(default_factory=list)
    """How it was tried: lanes, and where calls were held."""
    replay: list[tuple[str, str, str]] = field(default_factory=list)
    """Who, what they did, and what came of it, in the order in which it was done: of the lane that failed."""
    figures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    documented: str = ""
    """A limit that the package's own documentation states, and where."""
    reproduction: str = ""
    """A pytest file that needs the audited package alone. Empty unless it failed."""
