"""Every way that a few turns can go: which schedules go wrong, how, and which of those is the simplest.

`explore` looks at all interleavings if it can: at once where equal states can be told, else one by one, those with the
fewest preemptions first, as far as its limit allows. Where there are too many it draws them by PCT, and says how likely
that is to miss a bug. A preemption interrupts a turn that could have gone on; between two turns there is none.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from rag.crosstalk.explore.merging import MOST_NODES, count, graph, paths, preempts
from rag.crosstalk.explore.outcomes import GROUPS, Group, Judge, Outcome
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.states import Opaque, TooMany
from rag.crosstalk.explore.stepping import LONGEST, Stage, played

LIMIT = 20_000
"""Schedules that are played one by one, at most."""
CELLS = 1_000
"""Schedules that are kept one by one in a result, at most."""
DRAWN = 2_000
"""Schedules that PCT draws, and that are played at least where they could be told apart and are too many."""
MANY = 10**8
"""Interleavings; where there are more, states are told apart as well, but given up sooner where they are many: to find
that out takes longer than to draw schedules."""
DEPTH = 2
"""Of bugs that PCT is asked for: those that need two events in a certain order have depth 2, and so on."""

Progress = Callable[[int], None]
Stop = Callable[[], bool]


class How(Enum):
    EXHAUSTIVE = "exhaustive"
    BOUNDED = "bounded"
    RANDOM = "random"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Played:
    """One complete schedule and what came of it."""

    schedule: str
    preemptions: int
    outcome: Outcome


@dataclass(frozen=True)
class Explored:
    """bound: on preemptions, if there was one. total: schedules that it speaks of. odds: that a random search misses a
    bug of depth DEPTH, at most. counts: by outcome's kinds and preemptions. each: makes the cells.
    first: for each anomaly kind the schedule with the fewest preemptions. labels: of each actor's steps when they take
    turns. merged: whether equal states were played once. answered: whether any turn was, in any schedule; if not,
    failed says why. cut: whether runs were so long that not every way of theirs was gone."""

    scene: Scene
    how: How
    bound: int | None
    total: int
    labels: tuple[tuple[str, ...], ...]
    counts: dict[tuple[tuple[str, ...], int], int]
    first: dict[str, Played]
    each: Callable[[], Iterable[Played]] = tuple
    odds: float | None = None
    merged: bool = False
    answered: bool = True
    failed: str = ""
    cut: bool = False

    @property
    def sure(self) -> bool:
        """Whether what it did not find is not there: it came to an end, and there was something to see."""
        return self.how is not How.STOPPED and self.answered

    @cached_property
    def cells(self) -> tuple[Played, ...]:
        """Each schedule, those with the fewest preemptions first, if they are not too many to be kept."""
        return tuple(sorted(self.each(), key=lambda one: (one.preemptions, one.schedule)))

    @property
    def steps(self) -> int:
        """Of an actor, where nothing makes it repeat one."""
        return max(map(len, self.labels), default=0)

    @cached_property
    def wrong(self) -> int:
        return sum(number for (kinds, _), number in self.counts.items() if kinds)

    @cached_property
    def kinds(self) -> Counter[str]:
        """In how many schedules each anomaly kind is seen."""
        found: Counter[str] = Counter()
        for (kinds, _), number in self.counts.items():
            found.update(dict.fromkeys(kinds, number))
        return found

    @cached_property
    def preemptions(self) -> dict[int, tuple[int, int]]:
        """By preemptions: how many schedules go wrong, of how many."""
        found: dict[int, tuple[int, int]] = {}
        for (kinds, preemptions), number in sorted(self.counts.items(), key=lambda item: item[0][1]):
            wrong, total = found.get(preemptions, (0, 0))
            found[preemptions] = wrong + number * bool(kinds), total + number
        return found

    @property
    def shortest(self) -> Played | None:
        """The failing schedule with the fewest preemptions, the gravest of those."""
        found = [self.first[kind] for group in GROUPS for kind in sorted(group.kinds) if kind in self.first]
        return min(found, key=lambda one: one.preemptions, default=None)

    def with_any(self, kinds: frozenset[str]) -> int:
        """How many schedules show any of these."""
        return sum(number for (there, _), number in self.counts.items() if kinds & set(there))

    def in_group(self, group: Group) -> tuple[int, int | None]:
        """How many schedules show it, and the fewest preemptions that it takes."""
        found = [(number, p) for (kinds, p), number in self.counts.items() if group.kinds & set(kinds)]
        return sum(number for number, _ in found), min((p for _, p in found), default=None)


def explore(
    stage: Stage,
    *,
    bound: int | None = None,
    limit: int = LIMIT,
    merge: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Explored:
    """bound: no schedule with more preemptions. merge: try to tell equal states. seed: of a random search.

    Deterministic, unless it is stopped.
    """
    judge, halted = Judge(stage.scene, keeps=stage.keeps), stop or _never
    labels = serial(stage)
    if merge and bound is None:
        try:
            most = MOST_NODES if _many(labels) <= MANY else MOST_NODES // 10
            return _merged(stage, judge, labels, progress, halted, most)
        except TooMany:
            limit = max(limit, DRAWN)
        except Opaque:
            pass
    if stage.scene.users > 2 and bound is None and _many(labels) > limit:
        return _drawn(stage, judge, labels, seed, progress, halted)
    return _one_by_one(stage, judge, labels, bound, limit, progress, halted)


def serial(stage: Stage) -> tuple[tuple[str, ...], ...]:
    """The labels of each actor's steps when they go strictly one after the other."""
    found: list[list[str]] = [[] for _ in stage.scene.actors()]
    with closing(stage.start()) as run:
        for track, labels in zip(run.tracks, found, strict=True):
            while track.ready and len(run.schedule) < LONGEST:
                labels.append(str(track.label))
                run.step(track.actor.letter)
    return tuple(map(tuple, found))


def ordered(stage: Stage, bound: int | None = None, judge: Judge | None = None) -> Iterator[Played | int]:
    """Plays every schedule once, those with the fewest preemptions first. Before the first one with n preemptions it
    gives the number of schedules that are known to have n: whoever has seen enough stops there."""
    judge = judge or Judge(stage.scene, keeps=stage.keeps)
    waiting: dict[int, list[str]] = {0: [""]}
    for preemptions in range(LONGEST):
        todo = waiting.pop(preemptions, [])
        if (not todo and not waiting) or (bound is not None and preemptions > bound):
            return
        yield len(todo)
        while todo:
            played, others = _played(stage, todo.pop(), preemptions, judge)
            for schedule, needed in others:
                (todo if needed == preemptions else waiting.setdefault(needed, [])).append(schedule)
            yield played


def _played(stage: Stage, prefix: str, preemptions: int, judge: Judge) -> tuple[Played, list[tuple[str, int]]]:
    """Plays a prefix and goes on without preemption; also gives the ways that branch off behind the prefix."""
    others: list[tuple[str, int]] = []
    with closing(stage.start()) as run:
        last = ""
        for letter in prefix:
            run.step(letter)
            last = letter.upper()
        while len(run.schedule) < LONGEST and (choices := run.choices()):
            chosen = last if last in choices else choices[0]
            busy = run.busy()
            here = "".join(run.schedule)
            for letter in reversed(choices):
                if letter != chosen:
                    others.append((here + letter, preemptions + preempts(busy, last, letter)))
            run.step(chosen)
            last = chosen.upper()
        run.settle()
        return Played("".join(run.schedule), preemptions, judge(run.trace())), others


def pct(stage: Stage, seed: int, steps: int, depth: int = DEPTH, judge: Judge | None = None) -> Iterator[Played]:
    """Random schedules by probabilistic concurrency testing: random priorities, and depth - 1 places where whoever is
    running gets the lowest one. (Burckhardt et al., ASPLOS 2010.)

    Each finds a bug of that depth with a probability of at least 1 / (actors · steps^(depth - 1)).
    """
    judge = judge or Judge(stage.scene, keeps=stage.keeps)
    chance = random.Random(seed)  # noqa: S311 (no secret)
    letters = stage.scene.letters
    while True:
        ranks = {letter: depth + rank for rank, letter in enumerate(chance.sample(letters, len(letters)))}
        changes = {chance.randrange(steps): depth - 1 - number for number in range(1, depth)}
        with closing(stage.start()) as run:
            last, preemptions = "", 0
            while len(run.schedule) < LONGEST and (choices := [one for one in run.choices() if one.isupper()]):
                letter = max(choices, key=ranks.__getitem__)
                if len(run.schedule) in changes:
                    ranks[letter] = changes[len(run.schedule)]
                    letter = max(choices, key=ranks.__getitem__)
                preemptions += preempts(run.busy(), last, letter)
                run.step(letter)
                last = letter
            run.settle()
            yield Played("".join(run.schedule), preemptions, judge(run.trace()))


def shrunk(
    stage: Stage, found: Played, kind: str, progress: Progress | None = None, stop: Stop | None = None
) -> tuple[Scene, Played]:
    """A schedule that shows the same kind with fewer turns, users and steps, and no more preemptions, and the scene
    that it is played in. Its last steps are left out if the anomaly shows before: turns under way have no end then.
    Stopped, it is the smallest so far."""
    halted = stop or _never
    scene = stage.scene
    smaller = [
        replace(scene, users=users, turns=turns)
        for turns in range(1, scene.turns + 1)
        for users in range(2, scene.users + 1)
        if (users, turns) != (scene.users, scene.turns)
    ]
    for one in sorted(smaller, key=lambda one: (one.users * one.turns, one.users)):
        less = replace(stage, scene=one)
        for other in ordered(less, found.preemptions):
            if halted():
                return scene, found
            if isinstance(other, Played) and kind in other.outcome.kinds:
                return one, _cut(less, other, kind, halted)
        if progress is not None:
            progress(0)
    return scene, _cut(stage, found, kind, halted)


def _cut(stage: Stage, found: Played, kind: str, stop: Stop) -> Played:
    judge = Judge(stage.scene, keeps=stage.keeps)
    for length in range(1, len(found.schedule)):
        if stop():
            break
        # Played anew each time: to look at what is stored may change it.
        outcome = judge(played(stage, found.schedule[:length]))
        if kind in outcome.kinds:
            return replace(found, schedule=found.schedule[:length], outcome=outcome)
    return found


def _merged(
    stage: Stage, judge: Judge, labels: tuple[tuple[str, ...], ...], progress: Progress | None, stop: Stop, most: int
) -> Explored:
    found = graph(stage, stop, most)
    gathered = _Gathered(stage.scene, labels)
    for outcome, numbers, first in count(found, judge, stop):
        gathered.add(outcome, numbers, first)
        if progress is not None:
            progress(gathered.total)
    how = How.STOPPED if stop() else How.EXHAUSTIVE
    explored = replace(gathered.result(how, None), merged=True, cut=found.cut)
    if explored.total > CELLS:
        return explored
    return replace(explored, each=lambda: [Played(*one) for one in paths(found, judge)])


def _one_by_one(
    stage: Stage,
    judge: Judge,
    labels: tuple[tuple[str, ...], ...],
    bound: int | None,
    limit: int,
    progress: Progress | None,
    stop: Stop,
) -> Explored:
    gathered = _Gathered(stage.scene, labels)
    reached = -1
    for one in ordered(stage, bound, judge):
        if stop():
            return gathered.result(How.STOPPED, max(reached - 1, 0))
        if isinstance(one, int):
            if reached >= 0 and gathered.total + one > limit and bound is None:
                return gathered.result(How.BOUNDED, reached)
            reached += 1
            continue
        gathered.keep(one)
        if progress is not None:
            progress(gathered.total)
    whole = bound is None or reached < bound
    return gathered.result(How.EXHAUSTIVE if whole else How.BOUNDED, None if whole else bound)


def _drawn(
    stage: Stage,
    judge: Judge,
    labels: tuple[tuple[str, ...], ...],
    seed: int,
    progress: Progress | None,
    stop: Stop,
) -> Explored:
    gathered = _Gathered(stage.scene, labels)
    steps = sum(map(len, labels))
    schedules = pct(stage, seed, steps, DEPTH, judge)
    while gathered.total < DRAWN and not stop():
        gathered.keep(next(schedules))
        if progress is not None:
            progress(gathered.total)
    odds = (1 - 1 / (stage.scene.users * steps ** (DEPTH - 1))) ** gathered.total
    return replace(gathered.result(How.STOPPED if stop() else How.RANDOM, None), odds=odds)


class _Gathered:
    def __init__(self, scene: Scene, labels: tuple[tuple[str, ...], ...]) -> None:
        self.scene = scene
        self.labels = labels
        self.total = 0
        self.counts: Counter[tuple[tuple[str, ...], int]] = Counter()
        self.first: dict[str, Played] = {}
        self.cells: list[Played] = []
        self.answered = False
        self.failed = ""
        self.cut = False

    def add(self, outcome: Outcome, numbers: Mapping[int, int], first: str) -> None:
        """numbers: how many schedules by preemptions; first: of those with the fewest."""
        self.answered = self.answered or outcome.answered > 0
        self.failed = self.failed or outcome.failed
        self.cut = self.cut or len(first) >= LONGEST
        for preemptions, number in numbers.items():
            self.total += number
            self.counts[outcome.kinds, preemptions] += number
        fewest = min(numbers)
        for kind in outcome.kinds:
            before = self.first.get(kind)
            if before is None or (fewest, first) < (before.preemptions, before.schedule):
                self.first[kind] = Played(first, fewest, outcome)

    def keep(self, played: Played) -> None:
        self.add(played.outcome, {played.preemptions: 1}, played.schedule)
        if len(self.cells) < CELLS:
            self.cells.append(played)

    def result(self, how: How, bound: int | None) -> Explored:
        cells = tuple(self.cells)
        return Explored(
            self.scene,
            how,
            bound,
            self.total,
            self.labels,
            dict(self.counts),
            self.first,
            lambda: cells,
            answered=self.answered,
            failed=self.failed,
            cut=self.cut,
        )


def _many(labels: tuple[tuple[str, ...], ...]) -> int:
    """How many interleavings there are, if nothing blocks or repeats."""
    total, found = 0, 1
    for own in labels:
        for number in range(1, len(own) + 1):
            total += 1
            found = found * total // number
    return found


def _never() -> bool:
    return False
