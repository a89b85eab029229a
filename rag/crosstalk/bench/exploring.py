"""How fast the in-memory strategies are explored: schedules covered, by the seconds that it took.

Each schedule counts with the outcome of its own log; equal states are played once. To load a strategy's libraries, to
look through what they hold for garbage, and to shrink the counterexample afterwards, is not in the time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rag.crosstalk.explore.explorer import certify, make_scene, make_stage
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.verdicts import how
from rag.crosstalk.strategies import LESSONS, STRATEGIES, Lab


@dataclass(frozen=True, slots=True)
class Rate:
    """seconds: the median of all rounds."""

    strategy: str
    scene: Scene
    explored: str
    schedules: int
    seconds: float

    @property
    def a_second(self) -> float:
        return self.schedules / self.seconds


def scenes(turns: int) -> list[Scene]:
    """Two users, two tabs, and three users with a turn each."""
    return [make_scene(turns=turns), make_scene(tabs=True, turns=turns), make_scene(users=3)]


def names() -> list[str]:
    """In-memory strategies, of the gallery and of the race lab. Chroma is a database, in memory or not."""
    known = {**STRATEGIES, **LESSONS}
    return [name for name, kind in known.items() if kind.in_process and not kind.on_disk]


def measure(
    strategies: Sequence[str], turns: int, lab: Lab, rounds: int, progress: Callable[[str], None]
) -> Iterator[Rate]:
    for name in strategies:
        for scene in scenes(turns):
            progress(f"{name}, {scene.people}")
            make_stage(name, scene, lab).start().close()
            gc.collect()
            gc.freeze()  # for good, as whoever called has set aside what is loaded
            found = [certify(name, scene, lab) for _ in range(rounds)]
            explored = found[0].explored
            yield Rate(name, scene, how(explored), explored.total, median(one.seconds for one in found))
