"""All interleavings at once: runs that are in the same state have the same future, so it is played once and counted.

A state is everything that the rest of a run can depend on or be judged by: the memory's objects, each turn's place in
its code with its variables (those that only the interpreter sees as well), how many steps were made, and the trace so
far. What cannot be seen whole is not merged: `Opaque` is raised, and the schedules have to be played one by one.
Premise, as for any replay: two new instances start alike, and what both of them refer to does not change.
"""

from __future__ import annotations

import gc
import io
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from contextvars import Context
from dataclasses import dataclass, field
from types import BuiltinMethodType, CellType, CodeType, FunctionType, GeneratorType, ModuleType
from typing import Any

from rag.crosstalk.events import Message
from rag.crosstalk.outcomes import Judge, Outcome
from rag.crosstalk.stepping import LONGEST, Run, Stage

MOST_NODES = 20_000
MOST_BYTES = 100_000
_ATOMS = (str, bytes, int, float, bool, type(None), type, FunctionType)


class Opaque(Exception):
    """A state that cannot be seen whole, or too many states."""


@dataclass(slots=True)
class Node:
    """choices: as offered here; busy: as in Run. to: the node that each leads to. outcome: at the end of a run."""

    depth: int
    choices: tuple[str, ...]
    busy: str
    to: dict[str, int] = field(default_factory=dict)
    outcome: Outcome | None = None


def graph(stage: Stage, judge: Judge, stop: Callable[[], bool]) -> list[Node]:
    """Every state that a schedule can reach, the first one first. Stopped early, some have no way on.

    Raises Opaque.
    """
    constants = _shared(stage.make(), stage.make())
    nodes: list[Node] = []
    known: dict[Any, int] = {}
    left = [("", -1, "")]
    while left and not stop():
        prefix, parent, letter = left.pop()
        with closing(stage.start()) as run:
            for one in prefix:
                run.step(one)
            while True:
                key = _state(run, constants)
                place = known.get(key)
                new = place is None
                if place is None:
                    place = known[key] = len(nodes)
                    nodes.append(_node(run, judge))
                if parent >= 0:
                    nodes[parent].to[letter] = place
                choices = nodes[place].choices
                if not new or not choices:
                    break
                here = "".join(run.schedule)
                left += [(here + choice, place, choice) for choice in reversed(choices[1:])]
                parent, letter = place, choices[0]
                run.step(letter)
        if len(nodes) > MOST_NODES:
            raise Opaque(f"more than {MOST_NODES:,} states")
    return nodes


def _node(run: Run, judge: Judge) -> Node:
    choices = () if run.over or len(run.schedule) >= LONGEST else tuple(run.choices())
    return Node(len(run.schedule), choices, run.busy(), outcome=None if choices else judge(run.trace()))


def preempts(busy: str, last: str, letter: str) -> bool:
    """Whether this letter interrupts a turn that could have gone on."""
    return last != "" and letter.upper() != last and last in busy


def count(nodes: list[Node]) -> Iterator[tuple[Outcome, int, int, str]]:
    """(outcome, preemptions, how many schedules, the first of them in the alphabet), each outcome as often as it
    ends a state."""
    ways: list[dict[tuple[str, int], tuple[int, str]]] = [{} for _ in nodes]
    ways[0]["", 0] = (1, "")
    for place in sorted(range(len(nodes)), key=lambda number: nodes[number].depth):
        node = nodes[place]
        for (last, preemptions), (number, prefix) in ways[place].items():
            for letter, to in node.to.items():
                key = letter.upper(), preemptions + preempts(node.busy, last, letter)
                before, first = ways[to].get(key, (0, ""))
                path = prefix + letter
                ways[to][key] = (before + number, min(first, path) if first else path)
        if node.outcome is not None:
            for (_, preemptions), (number, first) in ways[place].items():
                yield node.outcome, preemptions, number, first
        ways[place] = {}


def paths(nodes: list[Node]) -> Iterator[tuple[str, int, Outcome]]:
    """Each schedule, in the order of the alphabet, with its preemptions."""
    left = [(0, "", "", 0)]
    while left:
        place, schedule, last, preemptions = left.pop()
        node = nodes[place]
        if node.outcome is not None:
            yield schedule, preemptions, node.outcome
        for letter in sorted(node.to, reverse=True):
            more = preempts(node.busy, last, letter)
            left.append((node.to[letter], schedule + letter, letter.upper(), preemptions + more))


def _state(run: Run, constants: dict[int, int]) -> Any:
    known = dict(constants)
    for track in run.tracks:
        if track.asked is not None:
            known[id(track.asked)] = -track.said.op if track.said else 0
    file = io.BytesIO()
    try:
        _State(file, known).dump((vars(run.memory), [track.steps for track in run.tracks]))
    except Exception as exc:  # whatever cannot be pickled says so in its own way
        raise Opaque(f"{type(exc).__name__}: {exc}") from exc
    if file.tell() > MOST_BYTES:
        raise Opaque(f"a state of {file.tell():,} bytes")
    return (
        file.getvalue(),
        len(run.schedule),
        run.cancelled,
        run.order(),
        tuple(sorted(run.prompts, key=lambda one: one[0])),
        tuple(run.retrieved),
        tuple([(track.number, track.under_way) for track in run.tracks]),
    )


class _State(pickle.Pickler):
    """Equal bytes: equal states, also in which of their parts are the same object. It is never read back."""

    def __init__(self, file: io.BytesIO, known: dict[int, int]) -> None:
        super().__init__(file, 5)
        self.known = known

    def reducer_override(self, value: Any) -> Any:
        number = self.known.get(id(value))
        if number is not None:
            return int, (number,)
        reduced = _REDUCED.get(type(value))
        return NotImplemented if reduced is None else reduced(value)


def _function(value: Any) -> Any:
    contents = [cell.cell_contents for cell in value.__closure__ or ()]
    return tuple, ([id(value.__code__), value.__defaults__, value.__kwdefaults__, contents],)


def _builtin(value: Any) -> Any:
    """A method of an object; a function of a module is known by its name."""
    return NotImplemented if isinstance(value.__self__, ModuleType) else (getattr, (value.__self__, value.__name__))


def _frame(steps: Any) -> Any:
    """The whole of it, as the garbage collector sees it: variables, and what lies on the interpreter's stack."""
    frame, code = steps.gi_frame, steps.gi_code
    if frame is None:
        return tuple, ()
    held = [
        one
        for one in gc.get_referents(steps)
        if one is not frame and one is not code and getattr(one, "__code__", None) is not code
    ]
    return tuple, ([id(code), frame.f_lasti, tuple(frame.f_locals), held],)


_REDUCED: dict[type, Callable[[Any], Any]] = {
    Message: lambda value: (str, (value.role, value.text)),
    GeneratorType: _frame,
    FunctionType: _function,
    CodeType: lambda value: (int, (id(value),)),
    CellType: lambda value: (list, ([value.cell_contents],)),
    BuiltinMethodType: _builtin,
    threading.local: lambda value: (dict, (vars(value),)),
    Context: lambda value: (dict, ({id(name): content for name, content in value.items()},)),
    type(threading.Lock()): lambda value: (bool, (value.locked(),)),
}
"""What stands for an object whose state pickle does not see, or sees slowly."""


def _shared(one: Any, other: Any, depth: int = 3) -> dict[int, int]:
    """What two new instances have in common, by identity."""
    found: dict[int, int] = {}
    left = [(one, other, depth)]
    while left:
        mine, theirs, more = left.pop()
        for name, value in getattr(mine, "__dict__", {}).items():
            there = getattr(theirs, "__dict__", {}).get(name)
            if isinstance(value, _ATOMS):
                continue
            if value is there:
                found[id(value)] = len(found) + 1
            elif more:
                left.append((value, there, more - 1))
    return found
