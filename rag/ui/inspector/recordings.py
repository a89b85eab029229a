"""Sessions that were recorded elsewhere and open here: those of a visitor's own simulations and rooms.

Another kind of recording is one function more in KINDS: it names what this visitor may open, and how its events are
read. All that is said in them is made up, so nothing of it is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import streamlit as st

from rag.crosstalk.log.events import BadLog, Event, read
from rag.errors import CrosswireError
from rag.inspector.turns.recorded import Recording
from rag.ui import resources

_READ = "inspector_recording_read"
MOST = 12
"""Recordings of a kind that can be chosen."""


@dataclass(frozen=True, slots=True)
class Source:
    """One recording. id: names it in addresses; version: another one whenever there is more of it."""

    id: str
    title: str
    version: object
    events: Callable[[], Iterable[Event]]


def simulations(visitor: str) -> Iterator[Source]:
    """visitor: session id of whoever started them."""
    for run in resources.runs().mine(visitor)[:MOST]:
        for strategy, outcome in run.outcomes.items():
            at = datetime.fromtimestamp(run.at, UTC)
            title = f"{run.title(strategy)}, {run.workload.users:,} users, {at:%H:%M:%S} UTC"
            with suppress(OSError):
                version = outcome.log.stat().st_mtime_ns
                yield Source(f"run-{run.id}-{strategy}", f"Simulation: {title}", version, partial(_logged, outcome.log))


def rooms(visitor: str) -> Iterator[Source]:
    """visitor: session id of their presenter."""
    for room in resources.rooms().of(visitor)[-MOST:]:
        for number, act in enumerate(room.acts, 1):
            title = f"Room {room.code}, act {number}: {act.memory}"
            yield Source(f"room-{room.code}-{number}", title, len(act.events), partial(list, act.events))


KINDS: tuple[Callable[[str], Iterator[Source]], ...] = (rooms, simulations)


def sources(visitor: str) -> dict[str, Source]:
    """What this visitor may open, by id."""
    return {source.id: source for kind in KINDS for source in kind(visitor)}


def recording(source: Source) -> Recording:
    """As it is now; read again only when there is more of it. Raises CrosswireError."""
    known = st.session_state.get(_READ)
    if known is None or known[:2] != (source.id, source.version):
        try:
            known = source.id, source.version, Recording.of(source.events())
        except (OSError, BadLog) as exc:
            raise CrosswireError(f"This recording cannot be read: {exc}") from exc
        st.session_state[_READ] = known
    found: Recording = known[2]
    return found


def _logged(log: Path) -> Iterator[Event]:
    with log.open("rb") as lines:
        yield from read(lines)
