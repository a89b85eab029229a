"""All interleavings at once: runs that are in the same state go on alike, so each state is left once by each way on.
Where a single step is offered there is nothing to choose, so such a state is passed by.

What was logged on the way is no part of a state, as no memory sees the log: it is gathered along the ways afterwards,
and so are the numbers of schedules. So nothing is left out, and each schedule counts with its own log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rag.crosstalk.explore.outcomes import Judge, Outcome
from rag.crosstalk.explore.states import States, TooMany
from rag.crosstalk.explore.stepping import LONGEST, Log, Run, Stage, Stored

MOST_NODES = 100_000
STEP = 4
"""Bits that hold how many ways a state can have on at most."""

Added = tuple[Any, Any, Any]
"""What a step adds to the log, as `Log.then` takes it."""


class Way(NamedTuple):
    """To the next node: over steps that are the only ones offered, none of which can preempt. place: of the node;
    added: the number of what is logged; letters: of the steps."""

    place: int
    added: int
    letters: str


@dataclass(slots=True)
class Node:
    """choices: as offered here, behind the first node none or several; busy: as in Run. to: where each leads. stored,
    stuck: at the end of a run."""

    depth: int
    choices: tuple[str, ...]
    busy: str
    to: dict[str, Way] = field(default_factory=dict)
    stored: Stored | None = None
    stuck: str = ""


@dataclass(slots=True)
class Graph:
    """Every state that a schedule can reach, the first one first, and what steps add to a log; the first of those is
    nothing. began: what was logged before the first step."""

    nodes: list[Node]
    added: list[Added]
    began: Log

    @property
    def cut(self) -> bool:
        """Whether there are runs so long that not every way of theirs was gone."""
        return any(node.depth >= LONGEST for node in self.nodes)


def graph(stage: Stage, stop: Callable[[], bool], most: int = MOST_NODES) -> Graph:
    """Stopped early, some nodes have no way on. Raises Opaque, and TooMany of more than `most`.

    Each run goes on over states that are known, to ways that nobody has gone, until there are none ahead of it.
    """
    walk = _Walk(States(stage))
    while not stop() and walk.left():
        with closing(stage.start()) as run:
            walk.go(run)
        if len(walk.nodes) > most:
            raise TooMany(f"more than {most:,} states")
    return Graph(walk.nodes, list(walk.numbers), walk.began)


class _Walk:
    def __init__(self, state: States) -> None:
        self.nodes: list[Node] = []
        self.numbers: dict[Added, int] = {((), (), ()): 0}
        self.began = Log()
        self._state = state
        self._known: dict[Any, int] = {}
        self._done: list[bool] = []
        """Whether all ways on from a node have been gone to their ends."""

    def left(self) -> bool:
        """Whether there is a way that nobody has gone."""
        return not self.nodes or bool(self._route(0))

    def go(self, run: Run) -> None:
        if not self.nodes:
            self.began = Log().then(*_since(run, (0, 0, 0)))
            self._found(run)
        place = 0
        while route := self._route(place):
            for letter in route[:-1]:
                way = self.nodes[place].to[letter]
                for one in way.letters:
                    run.step(one)
                place = way.place
            way = self.nodes[place].to[route[-1]] = self._new(run, route[-1])
            place = way.place

    def _route(self, place: int) -> list[str]:
        """To the first way on from here that nobody has gone, this one included; empty where there is none."""
        if self._done[place]:
            return []
        node = self.nodes[place]
        for letter in node.choices:
            if letter not in node.to:
                return [letter]
        for letter, way in node.to.items():
            if route := self._route(way.place):
                return [letter, *route]
        self._done[place] = True
        return []

    def _found(self, run: Run) -> int:
        node = _node(run)
        # Of a run that is over, it counts only what it leaves.
        state = self._state(run) if node.choices else (node.stored, node.stuck, node.depth)
        place = self._known.setdefault(state, len(self.nodes))
        if place == len(self.nodes):
            self.nodes.append(node)
            self._done.append(False)
        return place

    def _new(self, run: Run, letter: str) -> Way:
        before, depth = (len(run.moments), len(run.prompts), len(run.retrieved)), len(run.schedule)
        run.step(letter)
        while len(run.schedule) < LONGEST and len(choices := run.choices()) == 1:
            run.step(choices[0])
        run.settle()
        added = self.numbers.setdefault(_since(run, before), len(self.numbers))
        letters = "".join(run.schedule[depth:])
        return Way(self._found(run), added, letters)


def _since(run: Run, before: tuple[int, int, int]) -> Added:
    moments, prompts, retrieved = before
    return tuple(run.moments[moments:]), tuple(run.prompts[prompts:]), tuple(run.retrieved[retrieved:])


def _node(run: Run) -> Node:
    choices = () if run.over or len(run.schedule) >= LONGEST else tuple(run.choices())
    node = Node(len(run.schedule), choices, run.busy())
    if not choices:
        node.stuck, node.stored = run.stuck(), run.stored()
    return node


def preempts(busy: str, last: str, letter: str) -> bool:
    """Whether this letter interrupts a turn that could have gone on."""
    return last != "" and letter.upper() != last and last in busy


class _Logs:
    """Logs by number, so that what comes of each is made once."""

    def __init__(self, graph: Graph) -> None:
        self._added = graph.added
        self._logs = [graph.began]
        self._numbers = {graph.began: 0}
        self._after: dict[tuple[int, int], int] = {}

    def then(self, log: int, added: int) -> int:
        if not added:
            return log
        known = self._after.get((log, added))
        if known is None:
            found = self._logs[log].then(*self._added[added])
            known = self._after[log, added] = self._numbers.setdefault(found, len(self._logs))
            if known == len(self._logs):
                self._logs.append(found)
        return known

    def outcome(self, log: int, node: Node, judge: Judge) -> Outcome:
        return judge(self._logs[log].trace(node.stored or (), node.stuck))


@dataclass(slots=True)
class _Ways:
    """To a node, with one log and one letter last. numbers: how many schedules with each number of preemptions, as the
    digits of one number. fewest: preemptions; first: the first in the alphabet of the schedules with so many."""

    numbers: int
    fewest: int
    first: str


def count(graph: Graph, judge: Judge, stop: Callable[[], bool]) -> Iterator[tuple[Outcome, dict[int, int], str]]:
    """(outcome, how many schedules by preemptions, the first in the alphabet of those with the fewest), each outcome as
    often as it is met."""
    nodes, logs = graph.nodes, _Logs(graph)
    if not nodes:  # stopped before the first one
        return
    ways: list[dict[tuple[int, str], _Ways]] = [{} for _ in nodes]
    ways[0] = {(0, ""): _Ways(1, 0, "")}
    digit = STEP * (1 + max(node.depth for node in nodes))
    for place in sorted(range(len(nodes)), key=lambda number: nodes[number].depth):
        node, here = nodes[place], ways[place]
        ways[place] = {}
        if node.stored is not None:
            for (log, _), found in here.items():
                if stop():
                    return
                yield logs.outcome(log, node, judge), _digits(found.numbers, digit), found.first
        for letter, way in node.to.items():
            there, now, then = ways[way.place], letter.upper(), way.letters[-1].upper()
            for (log, last), found in here.items():
                interrupts = last != now and last != "" and last in node.busy
                key = logs.then(log, way.added), then
                numbers = found.numbers << digit if interrupts else found.numbers
                fewest, first = found.fewest + interrupts, found.first + way.letters
                known = there.get(key)
                if known is None:
                    there[key] = _Ways(numbers, fewest, first)
                    continue
                known.numbers += numbers
                if (fewest, first) < (known.fewest, known.first):
                    known.fewest, known.first = fewest, first


def _digits(numbers: int, size: int) -> dict[int, int]:
    found, place, mask = {}, 0, (1 << size) - 1
    while numbers:
        if numbers & mask:
            found[place] = numbers & mask
        numbers >>= size
        place += 1
    return found


def paths(graph: Graph, judge: Judge) -> Iterator[tuple[str, int, Outcome]]:
    """Each schedule, in the order of the alphabet, with its preemptions."""
    nodes, logs = graph.nodes, _Logs(graph)
    left = [(0, "", "", 0, 0)]
    while left:
        place, schedule, last, preemptions, log = left.pop()
        node = nodes[place]
        if node.stored is not None:
            yield schedule, preemptions, logs.outcome(log, node, judge)
        for letter in sorted(node.to, reverse=True):
            more = preempts(node.busy, last, letter)
            place, added, letters = node.to[letter]
            left.append((place, schedule + letters, letters[-1].upper(), preemptions + more, logs.then(log, added)))
