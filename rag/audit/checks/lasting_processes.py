"""What a process leaves behind: all that it was told is kept, and no half of what it was at."""

from __future__ import annotations

import contextlib
import inspect
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

from rag.audit.checks.registry import check
from rag.audit.kit.children import die, in_child
from rag.audit.kit.contract import Address, CannotTell, NotApplicable, Said, Wrong
from rag.audit.kit.lines import Traced, folders_of, place_of
from rag.audit.kit.trial import Trial, short
from rag.audit.kit.wire import watched

_ENDS = "Deployments, crashes and the kernel's out-of-memory killer end a process at any line."
MOST_KILLS = 60
"""Writers that are killed, at most; of more points, so many spread over all."""


async def outlives(trial: Trial) -> str:
    """What is lost when the store is opened again, as a sentence; empty if nothing is.

    Raises NotApplicable if the store keeps nothing outside its process, as far as can be seen.
    """
    at = trial.at("looked-for")
    async with watched(trial) as (store, wire):
        store.needs("read", "process")
        said = await store.say("somebody", at, "is it kept")
        store.used.clear()  # it has to be there when the store is opened again
        outside = wire.outside
    if not outside:
        raise NotApplicable("it keeps conversations in its process's memory: nothing is sent, and no file is written")
    async with trial.store() as again:
        again.used.add(at)
        if await again.read("somebody", at) == said:
            return ""
        return f"{short(said)} was acknowledged, and is gone when the store is opened again."


@check("lasting.new-process", "A new process sees what another was told is kept.", why=_ENDS)
async def new_process(trial: Trial) -> None:
    if lost := await outlives(trial):
        raise Wrong(lost)
    at = trial.at("of-a-child")
    said: list[Said] = [("user", "told to one process"), ("assistant", "and acknowledged")]

    async def writes() -> None:
        async with trial.store() as store:
            await store.subject.append(at, *said)
            acknowledged.set()
            die()

    acknowledged = SharedFlag()
    child = await in_child(writes)
    if not acknowledged.is_set():
        raise CannotTell(f"A child process could not write to the store: {child.error or 'it died'}.")
    async with trial.store() as store:
        store.used.add(at)
        found = await store.read("a new process", at)
        if found != said:
            raise Wrong(
                f"A process adds {short(said)}, is told that it is kept, and ends. A new one reads: {short(found)}."
            )


class SharedFlag:
    """Set by a child, seen by its parent."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as it is

    def set(self) -> None:
        self.file.write(b"1")
        self.file.flush()

    def is_set(self) -> bool:
        self.file.seek(0)
        return self.file.read() == b"1"


@check("lasting.killed-writer", "A writer that is killed leaves a whole turn or nothing of it.", why=_ENDS)
async def killed_writer(trial: Trial) -> None:
    if lost := await outlives(trial):
        raise NotApplicable(lost)
    before: list[Said] = [("user", "an earlier question"), ("assistant", "its answer")]
    pair: list[Said] = [("user", "the question of the killed"), ("assistant", "the answer to the killed")]
    kind, points = await points_of(trial, before, pair)
    tried = points[:: max(1, -(-len(points) // MOST_KILLS))]
    ats = {n: trial.at(f"killed-{n:06}") for n, _ in tried}  # none begins another: that is another check's
    async with trial.store() as store:
        for at in ats.values():
            await store.subject.append(at, *before)
    killed: list[Point] = []
    until = trial.until()
    for n, what in tried:
        if killed and time.monotonic() > until:
            break
        came = await in_child(lambda n=n: writes_until(trial, kind, ats[n], pair, n))  # type: ignore[misc]  # this n
        if came.error:
            raise CannotTell(f"A child process could not write to the store: {came.error}.")
        killed.append((n, what))
    async with trial.store() as store:
        store.used.update(ats.values())
        for n, what in killed:
            where = f"A writer was killed before {kind} {n} of its turn ({what})"
            try:
                found = await store.read("a reader", ats[n])
            except Exception as exc:
                error = f"{type(exc).__name__}: {str(exc)[:200]}"
                raise Wrong(f"{where}: the conversation cannot be read any more: {error}") from exc
            if found not in (before, [*before, *pair], [*before, *pair[: store.subject.one_by_one]]):
                raise Wrong(
                    f"{where}: the conversation holds {short(found)}. Expected: {short(before)}; with that turn or "
                    f"without it."
                )
        if store.subject.one_by_one:
            trial.notes.append("a call keeps one message, so a question may be there without its answer")
    trial.notes.append(f"{trial.lane}: a writer was killed before {len(killed)} of {len(points)} {kind}s of its turn")


Point = tuple[int, str]
"""Of the n-th command or line, and its name."""


async def points_of(trial: Trial, before: list[Said], pair: list[Said]) -> tuple[str, list[Point]]:
    """Where adding a turn can be cut: before which commands, or where none are seen before which lines.

    Of the lines those before which something in the store's folder has changed; if nothing changes there, all.
    """
    for kind in ("command", "line"):
        at = trial.at(f"counted-by-{kind}")

        async with trial.store() as store:
            await store.subject.append(at, *before)
        child = await in_child(lambda kind=kind, at=at: writes_until(trial, kind, at, pair, 0))  # type: ignore[misc]
        async with trial.store() as store:
            store.used.add(at)  # and deleted
        if child.error:
            raise CannotTell(f"A child process could not write to the store: {child.error}.")
        points = [(n, what) for n, what, _ in child.value]
        if points:
            return kind, [(n, what) for n, what, changed in child.value if changed] or points
    raise CannotTell("Nothing shows at which a writer could be killed: neither commands nor lines of its code.")


async def writes_until(trial: Trial, kind: str, at: Address, pair: list[Said], n: int) -> list[tuple[int, str, bool]]:
    """Add a turn, and die before its n-th point; with 0 give the points. To be run in a child."""
    points: list[tuple[int, str, bool]] = []
    last = looks_of(trial.folder)

    def passes(what: str) -> None:
        nonlocal last
        found = looks_of(trial.folder) if kind == "line" and not n else {}
        points.append((len(points) + 1, what, kind == "command" or found != last))
        last = found
        if len(points) == n:
            die()

    tracing = Traced(lambda frame: passes(place_of(frame)))
    if kind == "line":
        sys.settrace(tracing.entered)
        threading.settrace(tracing.entered)
    async with watched(trial) as (store, wire):
        await store.read("the writer", at)
        last = looks_of(trial.folder)
        if kind == "line":
            tracing.folders = (*folders_of(store.subject.audited()), *WRITERS)
        else:
            wire.before = lambda sent: passes(sent.what)
        await store.subject.append(at, *pair)
        tracing.folders = ()
        wire.before = lambda _: None
        if n:
            die()
        store.used.clear()
        return points


MOST_FILES = 200


def looks_of(folder: str) -> dict[str, tuple[int, int, int]]:
    """File -> inode, size and time of its last change: what tells that something was written."""
    found: dict[str, tuple[int, int, int]] = {}
    for root, _, names in os.walk(folder):
        for name in names[: MOST_FILES - len(found)]:
            with contextlib.suppress(OSError):  # gone meanwhile
                seen = os.stat(path := os.path.join(root, name))  # noqa: PTH116, PTH118  # for each line: pathlib is slow
                found[path] = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    return found


WRITERS = tuple(str(inspect.getsourcefile(each)) for each in (pathlib, shutil, tempfile))
"""Of the standard library: what writes files by several lines, between which a file is half written."""
