"""What an audit found, as the report, the command and the page show it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["pass", "fail", "unknown", "not applicable"]
ORDER: tuple[Status, ...] = ("fail", "unknown", "pass", "not applicable")
"""From the worst; a check that was tried in two lanes has the worse of both."""

SCHEMA = 1
"""Of the JSON: grows when a key changes its meaning or goes. Keys may come."""


@dataclass
class Outcome:
    """One check at one store."""

    id: str
    status: Status
    evidence: str = ""
    """What was seen, or why it cannot be told or does not apply. One line."""
    lane: str = ""
    """`sync` or `async`: the one that came out so, the worse of two."""
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

    @classmethod
    def from_dict(cls, said: dict[str, Any]) -> Outcome:
        """From its JSON. Keys that are not known are left out."""
        known = {each.name for each in dataclasses.fields(cls)}
        made = cls(**{name: value for name, value in said.items() if name in known})
        made.replay = [(who, did, came) for who, did, came in made.replay]
        return made


@dataclass
class Audit:
    """What came of an audit of one target, complete or as far as it got."""

    target: str
    interface: str = ""
    """The adapter's name for it."""
    classes: list[str] = field(default_factory=list)
    """Those of what was audited, and their bases; not those of the standard library."""
    versions: dict[str, str] = field(default_factory=dict)
    """Distribution -> version, of what was audited."""
    python: str = ""
    """Version of the interpreter that ran it."""
    outcomes: list[Outcome] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Ids of checks that were wanted and not tried, as it was stopped."""
    seconds: float = 0.0

    @property
    def partial(self) -> bool:
        return bool(self.left)

    @property
    def counts(self) -> dict[Status, int]:
        """How many checks came out in each way."""
        found = Counter(each.status for each in self.outcomes)
        return {status: found[status] for status in ORDER}

    @property
    def status(self) -> Status:
        """`fail` if a check failed; `pass` if some passed and nothing is open; else `unknown`."""
        counts = self.counts
        if counts["fail"]:
            return "fail"
        return "pass" if counts["pass"] and not counts["unknown"] and not self.partial else "unknown"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; docs/audit-a-store.md says what the keys mean."""
        return {
            "schema": SCHEMA,
            **dataclasses.asdict(self),
            "partial": self.partial,
            "status": self.status,
            "counts": self.counts,
        }

    @classmethod
    def from_dict(cls, said: dict[str, Any]) -> Audit:
        """What `to_dict` gave."""
        known = {each.name for each in dataclasses.fields(cls)}
        made = cls(**{name: value for name, value in said.items() if name in known})
        made.outcomes = [Outcome.from_dict(each) for each in said.get("outcomes", [])]
        return made
