"""The race lab for the strategies as they are: makes each its place, explores, and certifies what was found."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag.crosstalk.checker.findings import Verdict
from rag.crosstalk.checker.sentences import BY_DESIGN
from rag.crosstalk.explore.lab_address import lab_address
from rag.crosstalk.explore.outcomes import GROUPS, Judge, Outcome, gravest
from rag.crosstalk.explore.scenes import BadScene, Scene
from rag.crosstalk.explore.schedules import DEPTH, Explored, How, Played, Progress, Stop, explore, shrunk
from rag.crosstalk.explore.stepping import BadSchedule, Stage, played
from rag.crosstalk.explore.verdicts import cause, how, verdict
from rag.crosstalk.strategies import TABLE, WRONG, Asked, Fact, Lab, Strategy, find, make
from rag.errors import CrosswireError
from rag.settings import Settings

REDIS_LIMIT = 1_000
FILE_LIMIT = 150
"""Schedules that are played one by one, at most: on Redis each takes milliseconds, with files ten to a hundred."""


class CannotPlay(CrosswireError):
    """A scene or a schedule that cannot be played; says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was explored, and what it says. simplest: the shortest counterexample, after shrinking."""

    strategy: str
    source_sha256: str
    explored: Explored
    simplest: Played | None
    simplest_scene: Scene
    seconds: float

    @property
    def verdict(self) -> str:
        aside = "" if find(self.strategy).keeps else f"; it {BY_DESIGN}"
        return f"{verdict(self.explored)}{aside}"

    @property
    def right(self) -> bool:
        return not self.explored.wrong and self.explored.sure

    @property
    def status(self) -> Verdict:
        """As a report's verdict. Of what was stopped, or answered nobody, nothing can be said."""
        if self.explored.wrong:
            return "anomalies"
        return "isolated" if self.right else "unknown"

    @property
    def replay(self) -> str | None:
        if self.simplest is None:
            return None
        return " ".join(map(shlex.quote, replay_command(self.strategy, self.simplest_scene, self.simplest.schedule)))

    @property
    def in_the_lab(self) -> str | None:
        """Its address in the race lab."""
        if self.simplest is None:
            return None
        return lab_address(self.strategy, self.simplest_scene, self.simplest.schedule)

    def to_dict(self) -> dict[str, Any]:
        """Everything but `seconds` and `schedules_per_second` is the same each time."""
        found, scene = self.explored, self.explored.scene
        return {
            "strategy": self.strategy,
            "source_sha256": self.source_sha256,
            "verdict": self.verdict,
            "status": self.status,
            "users": 1 if scene.tabs else scene.users,
            "tabs": scene.users if scene.tabs else 1,
            "turns": scene.turns,
            "cancels": scene.cancels,
            "steps": [list(labels) for labels in found.labels],
            "interleavings": found.total,
            "wrong": found.wrong,
            "how": found.how.value,
            "explored": how(found),
            "preemption_bound": found.bound,
            "pct": None if found.odds is None else {"depth": DEPTH, "missed_at_most": found.odds},
            "equal_states_merged": found.merged,
            "kinds": dict(sorted(found.kinds.items())),
            "causes": {group.name: cause(found, group) for group in GROUPS if found.in_group(group)[0]},
            "by_preemptions": {
                str(n): {"wrong": wrong, "total": total} for n, (wrong, total) in found.preemptions.items()
            },
            "counterexample": self._counterexample(),
            "replay": self.replay,
            "race_lab": self.in_the_lab,
            "seconds": round(self.seconds, 3),
            "schedules_per_second": round(found.total / self.seconds) if self.seconds else None,
        }

    def _counterexample(self) -> dict[str, Any] | None:
        if self.simplest is None:
            return None
        return {
            "schedule": self.simplest.schedule,
            "preemptions": self.simplest.preemptions,
            "users": self.simplest_scene.users,
            "turns": self.simplest_scene.turns,
            "kinds": list(self.simplest.outcome.kinds),
            "told": self.simplest.outcome.told,
        }


def make_scene(*, users: int = 2, tabs: bool = False, turns: int = 1, cancels: int = 0) -> Scene:
    """Raises CannotPlay."""
    try:
        return Scene(users, tabs, turns, cancels)
    except BadScene as exc:
        raise CannotPlay(str(exc)) from exc


def make_stage(name: str, scene: Scene, lab: Lab) -> Stage:
    """Raises UnknownStrategy, and SessionStoreUnavailable where it needs Redis and there is none."""
    kind = find(name)
    if kind.uses_redis:
        lab.open_redis()

    def new() -> Strategy:
        return make(name, lab)

    if kind.in_process:
        return Stage(scene, new, Asked, end=lambda strategy, _: strategy.close(), keeps=kind.keeps)
    return Stage(scene, new, Asked, end=_forgotten, named=_names(), keeps=kind.keeps)


def certify(
    name: str,
    scene: Scene,
    lab: Lab,
    *,
    bound: int | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Certificate:
    """Explore one strategy in one scene. Raises what `make_stage` does."""
    kind, stage = find(name), make_stage(name, scene, lab)
    stage.start().close()  # to load its libraries is no part of the search
    begun = time.perf_counter()
    most = limit or (REDIS_LIMIT if kind.uses_redis else FILE_LIMIT)
    found = explore(stage, bound=bound, limit=most, merge=kind.in_process, progress=progress, stop=stop)
    seconds = time.perf_counter() - begun
    simplest, smallest = found.shortest, scene
    if simplest is not None and found.how is not How.STOPPED:
        smallest, simplest = shrunk(stage, simplest, next(gravest(simplest.outcome.kinds)), progress, stop)
    digest = hashlib.sha256(kind.source().encode()).hexdigest()
    return Certificate(name, digest, found, simplest, smallest, seconds)


def scenes_of(name: str, scene: Scene, *, given: bool) -> list[Scene]:
    """What to explore where the number of turns was not given: one turn each, and two where one shows nothing.

    A strategy whose bug needs a turn that is given up gets one.
    """
    if given:
        return [scene]
    cancels = 1 if find(name).cancels else scene.cancels
    return [replace(scene, turns=1, cancels=cancels), replace(scene, turns=2, cancels=cancels)]


def certify_until_wrong(name: str, scenes: Sequence[Scene], lab: Lab, **options: Any) -> Certificate:
    """The first that goes wrong, else the last one."""
    for scene in scenes:
        found = certify(name, scene, lab, **options)
        if found.explored.wrong or found.explored.how is How.STOPPED:
            break
    return found


def explore_strategy(
    name: str,
    *,
    users: int = 2,
    tabs: bool = False,
    turns: int | None = None,
    preemptions: int | None = None,
    lab: Lab | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Certificate:
    """turns: of each; None: one, and two where one shows nothing. preemptions: at most. lab: where it may store; None:
    a temporary place.

    Raises CannotPlay and UnknownStrategy, and SessionStoreUnavailable where it needs Redis and there is none.
    """
    scene = make_scene(users=users, tabs=tabs, turns=1 if turns is None else turns)
    with _place(lab) as place:
        scenes = scenes_of(name, scene, given=turns is not None)
        return certify_until_wrong(name, scenes, place, bound=preemptions, progress=progress, stop=stop)


def replay(
    name: str, schedule: str, *, users: int = 2, tabs: bool = False, turns: int = 1, lab: Lab | None = None
) -> Outcome:
    """What comes of one schedule. A small letter gives a turn up. Raises what `explore_strategy` does."""
    scene = make_scene(users=users, tabs=tabs, turns=turns, cancels=sum(map(str.islower, schedule)))
    with _place(lab) as place:
        try:
            return Judge(scene, keeps=find(name).keeps)(played(make_stage(name, scene, place), schedule))
        except BadSchedule as exc:
            raise CannotPlay(str(exc)) from exc


def facts_found(lab: Lab) -> Iterator[tuple[Fact, Explored, dict[str, int]]]:
    """Each row of the facts table, what was explored, and what was counted for what the row tells."""
    for fact in TABLE:
        explored = certify(fact.strategy, make_scene(tabs=fact.tabs, turns=fact.turns), lab).explored
        counted = {
            what: explored.wrong if what == WRONG else explored.with_any(frozenset(what.split("+")))
            for what in fact.seen
        }
        yield fact, explored, counted


def replay_command(name: str, scene: Scene, schedule: str) -> list[str]:
    command = ["python", "-m", "rag", "explore", "--strategy", name]
    if scene.tabs or scene.users != 2:
        command += ["--tabs" if scene.tabs else "--users", str(scene.users)]
    return [*command, "--turns", str(scene.turns), "--replay", schedule]


@contextmanager
def temporary_lab(settings: Settings | None = None) -> Iterator[Lab]:
    """A place for files that is gone afterwards; Redis as the settings say, else the embedded server of a place of its
    own."""
    # Not below the project: a Unix socket's path may have about 100 characters. An embedded server ends a moment later,
    # and may write a file where all were just deleted.
    with tempfile.TemporaryDirectory(prefix="crosswire-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if settings is None:
            lab = Lab(folder, "explore:", state_dir=folder)
        else:
            lab = Lab(
                folder,
                "explore:",
                redis_url=settings.redis_url,
                state_dir=settings.state_dir,
                history_prefix=settings.history_prefix,
            )
        with lab:
            yield lab


@contextmanager
def _place(lab: Lab | None) -> Iterator[Lab]:
    if lab is not None:
        yield lab
        return
    with temporary_lab() as own:
        yield own


def _forgotten(strategy: Strategy, sessions: Sequence[str]) -> None:
    strategy.forget(sessions)
    strategy.close()


def _names() -> Callable[[], Callable[[str], str]]:
    """Session ids that no other run has: what a run leaves behind in a store is never met again."""
    stage, numbers = secrets.token_hex(4), itertools.count()

    def named() -> Callable[[str], str]:
        number = next(numbers)
        return lambda session: f"{session}-{stage}-{number:x}"

    return named
