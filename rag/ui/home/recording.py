"""A real run of the simulator, kept for the home page: `python -m rag.ui.home.recording` makes it anew.

The same people say the same words to two memories; only the memory differs. What is kept is when each turn was
answered and when whose data came to somebody else, as the simulator's own live view had it. No texts are kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from rag.crosstalk import Progress, Workload, simulate

FILE = Path(__file__).with_name("recorded.json")
WRONG, RIGHT = "shared-buffer", "redis-turn"
WORKLOAD = Workload(users=60, turns=3, arrival="ramp:3", latency="0.8~0.4")


@dataclass(frozen=True, slots=True)
class Person:
    """answered: seconds at which each turn was answered. leaked, owner: when somebody else's data first came, and that
    user's number; None: never."""

    answered: tuple[float, ...]
    leaked: float | None = None
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Half:
    """One memory's part. seconds: until the last turn. reached: people who got somebody else's data, by the checker."""

    strategy: str
    verdict: str
    seconds: float
    reached: int
    people: tuple[Person, ...]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        people = [Person(tuple(one["answered"]), one["leaked"], one["owner"]) for one in values["people"]]
        return cls(**{**values, "people": tuple(people)})


@dataclass(frozen=True, slots=True)
class Recording:
    """on: the day, as YYYY-MM-DD."""

    on: str
    turns: int
    wrong: Half
    right: Half

    @property
    def seconds(self) -> float:
        return max(self.wrong.seconds, self.right.seconds)

    @property
    def day(self) -> str:
        """`28 November 2026`."""
        day = datetime.strptime(self.on, "%Y-%m-%d").replace(tzinfo=UTC)
        return f"{day.day} {day:%B %Y}"


@cache
def recorded() -> Recording:
    values = json.loads(FILE.read_text(encoding="utf-8"))
    halves = {name: Half.from_dict(values[name]) for name in ("wrong", "right")}
    return Recording(values["on"], values["turns"], **halves)


def record(workload: Workload = WORKLOAD) -> Recording:
    """Run both now: blocks for the seconds that they take."""
    wrong, right = (_half(name, workload) for name in (WRONG, RIGHT))
    return Recording(datetime.now(UTC).strftime("%Y-%m-%d"), workload.turns, wrong, right)


def _half(strategy: str, workload: Workload) -> Half:
    moments: list[Progress] = []
    report = simulate(strategy, workload, progress=moments.append).report
    people = tuple(_person(moments, user) for user in range(workload.users))
    last = max((moment for person in people for moment in person.answered), default=0.0)
    return Half(strategy, report.verdict, last, report.leaked.users, people)


def _person(moments: Sequence[Progress], user: int) -> Person:
    answered = list[float]()
    for moment in moments:
        answered += [round(moment.seconds, 2)] * (moment.done[user] - len(answered))
    came = next(((round(moment.seconds, 2), moment.leaked[user]) for moment in moments if moment.leaked[user] >= 0), ())
    return Person(tuple(answered), *came)


if __name__ == "__main__":
    FILE.write_text(json.dumps(asdict(record()), separators=(",", ":")) + "\n", encoding="utf-8")
