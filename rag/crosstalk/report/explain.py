"""Explaining what a checker found: in words (see `sentences`), and by the smallest part of the log that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rag.crosstalk.checker.anomalies import AMNESIA, CORRUPT, LOST_UPDATE
from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.checker.sentences import cause, explained, why
from rag.crosstalk.log.events import Clear, Control, Delete, Event, Fail, History, Info, Invoke, Ok, Prompt, Retrieved

__all__ = ["cause", "explained", "minimal", "why"]

Unit = tuple[str, int]
"""What is left out as a whole: a turn by its op; a deletion or a read of what is stored by its place."""
_Key = tuple[str, int | None, str | None, str | None, int | None, str, str | None, str | None]
_Thing = TypeVar("_Thing")
EFFORT = 300_000
"""Events to check, over all attempts; about ten seconds."""


def minimal(events: Iterable[Event], anomaly: Anomaly, *, window: int | None = None) -> list[Event]:
    """The fewest users and turns of a log that still show an anomaly of it, and of these the events that it takes.

    Nothing more can be left out, as long as the part of the log that its users are in is not too long to try all of it.
    window: as `check` was given. Reads the events once and keeps those of the users that it is about.
    """
    part = list(_concerned(events, anomaly))
    shows = _Shows(anomaly, window)
    likely = _likely(part, anomaly)
    shows.no_more_than(part)
    if shows(likely):
        part = likely
    elif not shows(part):
        return likely
    units = list(dict.fromkeys(unit for at, event in enumerate(part) if (unit := _unit(at, event)) != _own(anomaly)))
    kept = {_own(anomaly), *_fewest(units, lambda some: shows(_of(part, {_own(anomaly), *some})))}
    part = _of(part, kept)
    optional = [at for at, event in enumerate(part) if isinstance(event, Prompt | Retrieved)]
    always = set(range(len(part))) - set(optional)
    needed = always.union(_fewest(optional, lambda some: shows([part[at] for at in sorted(always.union(some))])))
    return [event for at, event in enumerate(part) if at in needed]


def needs_memory(anomaly: Anomaly) -> bool:
    """Whether it is only found where memory is required: forgetting, seen from outside."""
    return anomaly.kind == AMNESIA.kind and anomaly.surface == "answer"


class _Shows:
    """Whether some events still show the anomaly; no more, once too much has been tried."""

    def __init__(self, anomaly: Anomaly, window: int | None) -> None:
        self.looked_for = _key(anomaly)
        self.kind = anomaly.kind
        self.from_outside = needs_memory(anomaly)
        self.window = window
        self.effort = EFFORT
        self.known: set[_Key] | None = None

    def no_more_than(self, events: list[Event]) -> None:
        """Without the turn that it belongs to, any stored message is one that nobody sent: no more of them than here
        may come up."""
        if self.kind == CORRUPT.kind:
            self.known = self._found(events)

    def __call__(self, events: list[Event]) -> bool:
        found = self._found(events)
        return self.looked_for in found and (self.known is None or found <= self.known)

    def _found(self, events: list[Event]) -> set[_Key]:
        """Those of its kind."""
        self.effort -= len(events)
        if self.effort < 0:
            return set()
        anomalies = check(iter(events), window=self.window, require_memory=self.from_outside).anomalies
        return {_key(anomaly) for anomaly in anomalies if anomaly.kind == self.kind}


def _key(anomaly: Anomaly) -> _Key:
    """Of stored messages that are nobody's, the words tell which one it is."""
    words = anomaly.evidence if anomaly.kind == CORRUPT.kind else None
    about = anomaly.op, anomaly.session, anomaly.owner, anomaly.owner_op
    return anomaly.kind, *about, anomaly.surface, anomaly.canary, words


def _concerned(events: Iterable[Event], anomaly: Anomaly) -> Iterator[Event]:
    """The events of its users and, where a rival matters that it does not name, of the turns beside its own."""
    users = {anomaly.user, anomaly.owner} - {None}
    rivals = anomaly.kind == LOST_UPDATE.kind
    ops: set[int] = set()
    sessions = {anomaly.session}
    beside: dict[int, list[Event]] = {}
    """Turns of others under way."""
    during = False
    for event in events:
        if isinstance(event, Control):
            continue
        if isinstance(event, History | Clear | Delete):
            if event.session in sessions:
                yield event
        elif isinstance(event, Invoke) and event.user in users:
            ops.add(event.op)
            sessions.add(event.session)
            during = during or event.op == anomaly.op
            yield event
            if during and rivals and event.op == anomaly.op:
                for op, others in beside.items():
                    ops.add(op)
                    yield from others
                beside.clear()
        elif event.op in ops:
            during = during and not (event.op == anomaly.op and isinstance(event, Ok | Fail | Info))
            yield event
        elif rivals and during and isinstance(event, Invoke):
            ops.add(event.op)
            yield event
        elif rivals:
            beside.setdefault(event.op, []).append(event)
            if isinstance(event, Ok | Fail | Info):
                del beside[event.op]


def _likely(part: list[Event], anomaly: Anomaly) -> list[Event]:
    """The turn that shows it, the turn that the data is from and, if it is about that, what was stored then."""
    ops = {anomaly.op, anomaly.owner_op}
    here = [event for event in part if isinstance(event, History) and event.session == anomaly.session]
    then = [event for event in here if event.t == anomaly.t] or here
    stored = then[-1] if then and anomaly.surface == "history" else None
    return [event for event in part if event is stored or (not isinstance(event, _OF_SESSION) and event.op in ops)]


def _of(part: list[Event], units: set[Unit]) -> list[Event]:
    return [event for at, event in enumerate(part) if _unit(at, event) in units]


_OF_SESSION = (History, Clear, Delete, Control)


def _unit(at: int, event: Event) -> Unit:
    return ("place", at) if isinstance(event, _OF_SESSION) else ("turn", event.op)


def _own(anomaly: Anomaly) -> Unit:
    return ("turn", -1 if anomaly.op is None else anomaly.op)


def _fewest(things: list[_Thing], shows: Callable[[list[_Thing]], bool]) -> list[_Thing]:
    """Leave out ever smaller pieces, as long as it still shows: none can be left out of what is left.

    Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002.
    """
    size = len(things)
    while size:
        start = 0
        while start < len(things):
            fewer = things[:start] + things[start + size :]
            if shows(fewer):
                things = fewer
            else:
                start += size
        size //= 2
    return things
