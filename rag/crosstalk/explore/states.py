"""What the rest of a run depends on, as bytes: equal bytes, equal states.

That is the memory's objects and each turn's place in its code, with the variables that it may still read and what lies
on the interpreter's stack. What cannot be seen whole is `Opaque`. Premises: two new instances start alike, what both of
them refer to does not change, and nothing is done when a variable that nobody reads any more is let go of.
"""

from __future__ import annotations

import copyreg
import dis
import gc
import io
import pickle
import sys
import threading
from collections.abc import Callable
from contextvars import Context
from functools import lru_cache
from itertools import pairwise
from types import BuiltinMethodType, CellType, CodeType, FunctionType, GeneratorType, ModuleType
from typing import Any

from rag.crosstalk.explore.stepping import Run, Stage
from rag.crosstalk.log.events import Message

MOST_BYTES = 100_000
_ATOMS = (str, bytes, int, float, bool, type(None), type, FunctionType)
_LOOKS_AT_ITSELF = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe"})


class Opaque(Exception):
    """A state that cannot be seen whole."""


class TooMany(Opaque):
    """States."""


class States:
    """Of the runs of one stage."""

    def __init__(self, stage: Stage) -> None:
        one, other = stage.make(), stage.make()
        try:
            self._constants = _shared(one, other)
            self._kept = one, other  # so that no other object gets the identity of one of theirs
        finally:
            if stage.end is not None:
                stage.end(one, ())
                stage.end(other, ())

    def __call__(self, run: Run) -> Any:
        """Raises Opaque."""
        known = self._constants.copy()
        steps = []
        for track in run.tracks:
            steps.append((track.steps, getattr(track.label, "ready", None)))
            if track.asked is not None and track.said is not None:
                known[id(track.asked)] = -track.said.op
        file = io.BytesIO()
        try:
            _State(file, known).dump((vars(run.memory), steps))
        except Exception as exc:  # whatever cannot be pickled says so in its own way
            raise Opaque(f"{type(exc).__name__}: {exc}") from exc
        found = file.getvalue()
        if len(found) > MOST_BYTES:
            raise Opaque(f"a state of {len(found):,} bytes")
        turns = tuple([(track.number, track.under_way, track.early) for track in run.tracks])
        return found, len(run.schedule), run.cancelled, turns


class _State(pickle.Pickler):
    """Equal bytes: equal states, also in which of their parts are the same object. It is never read back."""

    def __init__(self, file: io.BytesIO, known: dict[int, int]) -> None:
        super().__init__(file, 5)
        self.known = known

    def reducer_override(self, value: Any) -> Any:
        if type(value) is Message:  # most of what a state holds
            return str, (value.role, value.text)
        number = self.known.get(id(value))
        if number is not None:
            return int, (number,)
        reduced = _REDUCED.get(type(value))
        if reduced is not None:
            return reduced(value)
        if hasattr(type(value), "__pydantic_fields__"):
            return _model(value)
        kind: Any = type(value)
        if not isinstance(value, type) and not _shows_all(kind):
            raise Opaque(f"{kind.__name__} says itself what pickle sees of it")
        return NotImplemented


_HONEST = sys.stdlib_module_names | {"numpy"}
_SAY = ("__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")


@lru_cache(1024)
def _shows_all(kind: type) -> bool:
    """Whether pickle sees the whole of such an object, or what a function of somebody's chooses to show. Python's own,
    as those of data classes, are honest there, and so are those that are written in C."""
    said = [copyreg.dispatch_table.get(kind), *(getattr(kind, name, None) for name in _SAY)]
    theirs = [one for one in said if isinstance(one, FunctionType)]
    return all(one.__module__.partition(".")[0] in _HONEST for one in theirs)


def _model(value: Any) -> Any:
    """One of pydantic's, as LangChain's messages are. Which of its fields were given by hand is no memory of a turn,
    but it can be read."""
    more = value.__pydantic_extra__, getattr(value, "__pydantic_private__", None), sorted(value.model_fields_set)
    return tuple, ([id(type(value)), vars(value), more],)


def _function(value: Any) -> Any:
    contents = [cell.cell_contents for cell in value.__closure__ or ()]
    return tuple, ([id(value.__code__), value.__defaults__, value.__kwdefaults__, contents],)


def _builtin(value: Any) -> Any:
    """A method of an object; a function of a module is known by its name."""
    return NotImplemented if isinstance(value.__self__, ModuleType) else (getattr, (value.__self__, value.__name__))


def _frame(steps: Any) -> Any:
    """The whole of it, as the garbage collector sees it, less the variables that are not read any more."""
    frame, code = steps.gi_frame, steps.gi_code
    if frame is None:
        return tuple, ()
    variables = frame.f_locals
    needed = _needed(code).get(frame.f_lasti, variables)
    unread = [id(value) for name, value in variables.items() if name not in needed]
    held = []
    for one in gc.get_referents(steps):
        if one is frame or one is code or one is variables or getattr(one, "__code__", None) is code:
            continue
        # Once for each variable: what lies on the stack as well stays.
        if id(one) in unread:
            unread.remove(id(one))
        else:
            held.append(one)
    return tuple, ([id(code), frame.f_lasti, [name for name in variables if name in needed], held],)


@lru_cache(1024)
def _needed(code: CodeType) -> dict[int, frozenset[str]]:
    """At each instruction, the variables that may be read after it. Rather too many than too few: each instruction is
    taken to go on, to jump where it can, and to fail."""
    always = frozenset((*code.co_cellvars, *code.co_freevars))
    every = always.union(code.co_varnames)
    listed: Any = dis.Bytecode(code)
    lines = list(listed)
    if _LOOKS_AT_ITSELF.intersection(code.co_names):
        return dict.fromkeys((line.offset for line in lines), every)
    after: dict[int, list[int]] = {line.offset: [] for line in lines}
    for line, following in pairwise(lines):
        after[line.offset].append(following.offset)
    for line in lines:
        if line.opcode in dis.hasjrel or line.opcode in dis.hasjabs:
            after[line.offset].append(line.argval)
        for entry in listed.exception_entries:
            if entry.start <= line.offset < entry.end:
                after[line.offset].append(entry.target)
    before = dict.fromkeys(after, always)
    changed = True
    while changed:
        changed = False
        for line in reversed(lines):
            found = _before(line, always.union(*(before[there] for there in after[line.offset])))
            if found != before[line.offset]:
                before[line.offset], changed = found, True
    return {offset: always.union(*(before[there] for there in following)) for offset, following in after.items()}


def _before(line: dis.Instruction, after: frozenset[str]) -> frozenset[str]:
    if line.opname == "STORE_FAST":
        return after - {line.argval}
    if "FAST" in line.opname:
        return after.union(line.argval if isinstance(line.argval, tuple) else (line.argval,))
    return after


_REDUCED: dict[type, Callable[[Any], Any]] = {
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
