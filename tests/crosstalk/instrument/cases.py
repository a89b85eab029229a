"""Chats to measure the instrument with: each the least that shows a public report's shape, or a right one's manners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from rag.crosstalk import Workload
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.targets.function import answered

Ask = Callable[[str, str], Any]
"""From session id and text to an answer, of whatever kind."""
Verdict = Literal["isolated", "anomalies", "unknown"]


@dataclass(frozen=True, slots=True)
class Case:
    """make: a chat of its own for each run. kinds: at least one of them is found in a wrong one. may: what is said of
    a right one. workload: further values."""

    name: str
    source: str
    make: Callable[[], Ask]
    kinds: frozenset[str] = frozenset()
    may: frozenset[Verdict] = frozenset({"isolated"})
    workload: dict[str, Any] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        return bool(self.kinds)

    def planned(self, seed: int) -> Workload:
        given = {"users": 20, "turns": 3, "think": 0.005, "in_flight": 8, "seed": seed, **self.workload}
        return Workload(**given)


class Called(Target):
    """A chat as the simulator's target, in this process."""

    def __init__(self, name: str, ask: Ask) -> None:
        self.name = name
        self._ask = ask

    def call(self, session_id: str, text: str) -> str:
        return answered(self.name, self._ask(session_id, text))

    def close(self) -> None:
        pass
