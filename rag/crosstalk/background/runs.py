"""Simulations that go on in the background, and the last ones of each session.

A run belongs to the session that started it: every call that changes one names that session. Whoever was given a run's
address, which cannot be guessed, may read it. Its log and report are files under its own folder, so a reload, another
tab or a restart of the app finds it again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rag.crosstalk.background import jobs
from rag.crosstalk.background.apart import Place, Processes
from rag.crosstalk.background.jobs import Part
from rag.crosstalk.checker.check import Report
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import Event, read
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.run.runner import Search
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import Lab
from rag.errors import CrosswireError

KEPT = 20
"""Runs of a session that can be opened again."""
KEPT_IN_ALL = 200
AT_ONCE = 2
"""Runs that go on side by side in this process; a further one waits for its turn."""

State = Literal["waiting", "running", "done", "failed"]
YOURS = "your-chat"
"""In the place of a strategy's name, where a run is against a target."""
MakeLab = Callable[[Path], AbstractContextManager[Lab]]


class TooManyRuns(CrosswireError):
    """There is no room for another one now."""

    def __init__(self, why: str = "Two of your runs are under way already") -> None:
        super().__init__(f"{why}: wait until it has ended, or stop it.")


@dataclass(frozen=True, slots=True)
class Box:
    """A target of one run. address: as it may be shown and kept. spec: its description, which may hold secrets and is
    never written to disk. seconds: after which a run against it is stopped; None: it may take its time."""

    address: str
    spec: str
    open: Callable[[], Target]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of one strategy's part when it has ended. about: the rest of RunResult.to_dict."""

    strategy: str
    report: Report
    about: dict[str, Any]
    folder: Path
    place: Place = field(repr=False, compare=False)

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def whole(self) -> Path:
        """The report with everything that was kept, as JSON."""
        return self.folder / "report.json"

    def steps(self) -> list[tuple[float, int, int, int]]:
        """Turns as they were answered: seconds, and by number who, whose data was in the answer, whose in the prompt
        (-1: nobody else's). Empty where an older version kept none."""
        with suppress(FileNotFoundError):
            return [tuple(one) for one in json.loads((self.folder / "steps.json").read_text())]
        return []

    def leak(self, user: str, owner: str) -> Anomaly | None:
        """How the one was shown the other's data: what could be read before what only the model was given."""
        with suppress(FileNotFoundError):  # an older version had none
            told = json.loads((self.folder / "leaks.json").read_text()).get(user, {}).get(owner)
            return Anomaly(**told) if told else None
        return next((one for one in self.report.anomalies if (one.user, one.owner) == (user, owner)), None)

    def smallest(self, anomaly: Anomaly) -> list[Event]:
        """The fewest turns that still show it. Looked for once, which may take seconds, and kept."""
        path = self.folder / f"smallest-{anomaly.kind}-{anomaly.op}-{anomaly.surface}.jsonl"
        if not path.exists():
            job = partial(jobs.smallest, self.log, path, anomaly)
            self.place.do(job, _nothing, threading.Event(), _nothing)
        return list(read(path.read_text().splitlines()))


@dataclass(slots=True)
class Run:
    """One run as its owner sees it. at: epoch seconds. Read it through `Runs`; what changes is replaced, not edited."""

    id: str
    strategies: tuple[str, ...]
    workload: Workload
    at: float
    folder: Path
    state: State = "waiting"
    problem: str = ""
    progress: dict[str, Progress] = field(default_factory=dict)
    target: str = ""
    """Its address, where it is not against a memory of ours."""
    box: Box | None = None
    verdicts: dict[str, Report] = field(default_factory=dict)
    """Brief ones, of strategies whose turns are over, until the outcome is there."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """For whoever replaces what changes: two strategies of one run end at once."""

    def title(self, strategy: str) -> str:
        return self.target or strategy

    @property
    def busy(self) -> bool:
        return self.state in ("waiting", "running")


class Runs:
    """Thread-safe. One instance serves all sessions of a process."""

    def __init__(
        self, folder: Path, make_lab: MakeLab, search: Search | None = None, place: Place | None = None
    ) -> None:
        """make_lab: where a run may store, given a folder for its files. search: of the library. place: where runs are
        served; None: in processes of their own."""
        self._folder = folder
        self._place = place or Processes()
        self._make_lab = make_lab
        self._search = search
        self._live: dict[tuple[str, str], Run] = {}
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._warming = threading.Lock()

    def start(self, session_id: str, strategies: Sequence[str], workload: Workload, box: Box | None = None) -> Run:
        """Begin a run in the background. Several strategies run side by side with the same people and words.

        box: a target instead; strategies is YOURS alone then.

        Raises TooManyRuns.
        """
        run_id = secrets.token_hex(8)
        with self._lock:
            if sum(run.busy for (owner, _), run in self._live.items() if owner == session_id) >= AT_ONCE:
                raise TooManyRuns
            folder = self._of(session_id) / run_id
            run = Run(run_id, tuple(dict.fromkeys(strategies)), workload, time.time(), folder)
            run.box, run.target = box, box.address if box else ""
            self._live[session_id, run_id] = run
        folder.mkdir(parents=True)
        about = {"strategies": run.strategies, "workload": workload.to_dict(), "at": run.at, "target": run.target}
        jobs.write_whole(folder / "run.json", about)
        self._make_room(session_id)
        threading.Thread(target=self._serve, args=(run,), name="simulation", daemon=True).start()
        return run

    def stop(self, session_id: str, run_id: str) -> None:
        """End a run at once; what it has done so far gets its verdict."""
        with self._lock:
            run = self._live.get((session_id, run_id))
        if run is not None:
            run.stop.set()

    def find(self, session_id: str, run_id: str) -> Run | None:
        """A run of this session; None if it never was, is gone, or is somebody else's."""
        with self._lock:
            live = self._live.get((session_id, run_id))
        if live is not None:
            return live
        if not _is_id(run_id):
            return None
        return _stored(self._of(session_id) / run_id, self._place)

    def shared(self, run_id: str) -> Run | None:
        """A run of whomever, by the id in its address, for reading: of a memory of ours. What somebody's own chat has
        answered is theirs alone."""
        with self._lock:
            run = next((run for (_, known), run in self._live.items() if known == run_id), None)
        if run is None and _is_id(run_id):
            found = (_stored(path, self._place) for path in self._folder.glob(f"*/{run_id}"))
            run = next((one for one in found if one is not None), None)
        return None if run is None or run.target else run

    def why_not(self, run_id: str) -> str:
        """Why `shared` finds none."""
        if _is_id(run_id) and any(self._folder.glob(f"*/{run_id}/run.json")):
            return "This run was against somebody's own chat: only who started it can open it."
        return f"There is no such run on this server. It may be deleted: the last {KEPT} of each person are kept."

    def mine(self, session_id: str) -> list[Run]:
        """The session's runs, newest first."""
        ids = {path.name for path in self._of(session_id).glob("*") if (path / "run.json").is_file()}
        found = [run for run in (self.find(session_id, run_id) for run_id in ids) if run is not None]
        return sorted(found, key=lambda run: run.at, reverse=True)

    def delete(self, session_id: str, run_id: str) -> None:
        """Forget a run and its files. One that goes on is stopped first."""
        with self._lock:
            run = self._live.pop((session_id, run_id), None)
        if run is not None:
            run.stop.set()
        if _is_id(run_id):
            shutil.rmtree(self._of(session_id) / run_id, ignore_errors=True)

    def warm(self) -> None:
        """Somebody may start a run soon: a process is started, and loads what all runs need. Does not block."""
        if self._warming.acquire(blocking=False):
            threading.Thread(target=self._warm, name="warm-runs", daemon=True).start()

    def close(self) -> None:
        """Stop all runs of this process."""
        with self._lock:
            for run in self._live.values():
                run.stop.set()
        self._place.close()

    def _warm(self) -> None:
        try:
            with suppress(CrosswireError):
                self._place.do(jobs.load, _nothing, threading.Event(), _nothing)
        finally:
            self._warming.release()

    def _of(self, session_id: str) -> Path:
        return folder_of(self._folder, session_id)

    def _serve(self, run: Run) -> None:
        while not self._room.acquire(timeout=0.1):
            if run.stop.is_set():
                run.problem, run.state = "It was stopped before its turn came.", "failed"
                return
        timer = threading.Timer(run.box.seconds, run.stop.set) if run.box and run.box.seconds else None
        try:
            run.state = "running"
            if timer is not None:
                timer.start()
            parts = [threading.Thread(target=self._part, args=(run, name)) for name in run.strategies]
            for part in parts:
                part.start()
            for part in parts:
                part.join()
            run.state = "done" if run.outcomes else "failed"
        finally:
            if timer is not None:
                timer.cancel()
            self._room.release()

    def _part(self, run: Run, strategy: str) -> None:
        folder = run.folder / strategy
        folder.mkdir(exist_ok=True)

        def hear(said: Progress | Report) -> None:
            with run.lock:
                if isinstance(said, Report):
                    run.verdicts = {**run.verdicts, strategy: said}
                else:
                    run.progress = {**run.progress, strategy: said}

        try:
            with self._make_lab(folder) as lab:
                opened = run.box.open if run.box else None
                searches = self._search is not None
                part = Part(strategy, run.title(strategy), opened, run.workload, lab, folder, searches)
                self._place.do(partial(jobs.play, part), hear, run.stop, self._found)
            outcome = _outcome(strategy, folder, self._place)
            with run.lock:
                run.outcomes = {**run.outcomes, strategy: outcome}
        except Exception as exc:
            run.problem = jobs.told(exc, f"{run.title(strategy)} could not be run")

    def _found(self, text: str, k: int, session: str) -> list[jobs.Passage]:
        found = self._search(text, k, session) if self._search else ()
        return [jobs.Passage(one.id, one.text, one.private) for one in found]

    def _make_room(self, session_id: str) -> None:
        """Delete the oldest runs beyond what is kept. Those that go on stay."""
        own = sorted(_runs(self._of(session_id).glob("*")), key=_age)
        others = sorted(_runs(self._folder.glob("*/*")), key=_age)
        with self._lock:
            busy = {run.folder for run in self._live.values() if run.busy}
            gone = [path for path in (*own[KEPT:], *others[KEPT_IN_ALL:]) if path not in busy]
            for key in [key for key, run in self._live.items() if run.folder in gone]:
                del self._live[key]
        for path in gone:
            shutil.rmtree(path, ignore_errors=True)


def _is_id(text: str) -> bool:
    return len(text) == 16 and text.isascii() and text.isalnum()


def _nothing(*_: object) -> None:
    return


def folder_of(root: Path, session_id: str) -> Path:
    """Where what belongs to a session is kept. Different ids never share one."""
    return root / hashlib.sha256(session_id.encode()).hexdigest()[:32]


def _runs(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_dir() and (path / "run.json").exists()]


def _age(path: Path) -> float:
    with suppress(OSError):
        return -(path / "run.json").stat().st_mtime
    return 0.0


def _outcome(strategy: str, folder: Path, place: Place) -> Outcome:
    values = json.loads((folder / "shown.json").read_text())
    about = {key: values[key] for key in ("run", "workload", "figures", "stopped", "problems", "field")}
    about |= {"lost": values.get("lost"), "left": values.get("left", ""), "notes": values.get("notes", [])}
    about["field"].setdefault("told", about["field"]["leaked"])  # an older version said less
    return Outcome(strategy, Report.from_dict(values), about, folder, place)


def _stored(folder: Path, place: Place) -> Run | None:
    try:
        about = json.loads((folder / "run.json").read_text())
        run = Run(folder.name, tuple(about["strategies"]), Workload(**about["workload"]), float(about["at"]), folder)
        run.target = str(about.get("target", ""))
        for strategy in run.strategies:
            with suppress(FileNotFoundError):
                run.outcomes[strategy] = _outcome(strategy, folder / strategy, place)
    except (OSError, ValueError, KeyError, TypeError, CrosswireError):  # of an older version, or cut off
        return None
    run.state = "done" if run.outcomes else "failed"
    if not run.outcomes:
        run.problem = "The app ended before this run did, so it has no verdict."
    return run
