"""Simulations that go on in the background, and the last ones of each session.

A run belongs to the session that started it: every call names that session, and nobody finds a run of another one. Its
log and report are files under its own folder, so a reload, another tab or a restart of the app finds it again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rag.crosstalk.checker.check import Report
from rag.crosstalk.checker.findings import Anomaly, few_of_each
from rag.crosstalk.log.events import Event, read, to_json
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import matrix
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.run.results import RunResult
from rag.crosstalk.run.runner import WINDOW, Search, simulate
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import Lab
from rag.errors import CrosswireError, public_line

LOG = logging.getLogger(__name__)

KEPT = 20
"""Runs of a session that can be opened again."""
KEPT_IN_ALL = 200
AT_ONCE = 2
"""Runs that go on side by side in this process; a further one waits for its turn."""
SHOWN = 200
"""Anomalies of a kind that a page gets to see; the report's file has more of them."""

_PLAINEST = {"answer": 0, "prompt": 1, "retrieved": 2, "history": 3}

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

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def whole(self) -> Path:
        """The report with everything that was kept, as JSON."""
        return self.folder / "report.json"

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
            with self.log.open("rb") as lines:
                found = minimal(read(lines), anomaly, window=WINDOW)
            scratch = path.with_suffix(f".{secrets.token_hex(4)}")
            scratch.write_text("".join(f"{to_json(event)}\n" for event in found))
            scratch.replace(path)
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

    def __init__(self, folder: Path, make_lab: MakeLab, search: Search | None = None) -> None:
        """make_lab: where a run may store, given a folder for its files. search: of the library."""
        self._folder = folder
        self._make_lab = make_lab
        self._search = search
        self._live: dict[tuple[str, str], Run] = {}
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(AT_ONCE)

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
        write_whole(folder / "run.json", about)
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
        if len(run_id) != 16 or not run_id.isalnum():
            return None
        return _stored(self._of(session_id) / run_id)

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
        if len(run_id) == 16 and run_id.isalnum():
            shutil.rmtree(self._of(session_id) / run_id, ignore_errors=True)

    def close(self) -> None:
        """Stop all runs of this process."""
        with self._lock:
            for run in self._live.values():
                run.stop.set()

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

        def say(progress: Progress) -> None:
            with run.lock:
                run.progress = {**run.progress, strategy: progress}

        try:
            with self._make_lab(folder) as lab, closing(run.box.open()) if run.box else nullcontext(strategy) as what:
                result = simulate(
                    what,
                    run.workload,
                    lab=lab,
                    log=folder / "log.jsonl",
                    search=self._search,
                    progress=say,
                    stop=run.stop,
                )
            outcome = _keep(result, strategy, folder, run.progress.get(strategy))
            with run.lock:
                run.outcomes = {**run.outcomes, strategy: outcome}
        except Exception as exc:
            run.problem = told(exc, f"{run.title(strategy)} could not be run")

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


def folder_of(root: Path, session_id: str) -> Path:
    """Where what belongs to a session is kept. Different ids never share one."""
    return root / hashlib.sha256(session_id.encode()).hexdigest()[:32]


def _runs(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_dir() and (path / "run.json").exists()]


def _age(path: Path) -> float:
    with suppress(OSError):
        return -(path / "run.json").stat().st_mtime
    return 0.0


def _keep(result: RunResult, strategy: str, folder: Path, last: Progress | None) -> Outcome:
    values = result.to_dict()
    write_whole(folder / "report.json", values)
    shown = [asdict(anomaly) for anomaly in few_of_each(result.report.anomalies, SHOWN)]
    write_whole(folder / "leaks.json", _leaks(result.report))
    known = ("done", "leaked", "told")
    field = {name: list(getattr(last, name)) if last else [] for name in known}
    suspected = [asdict(anomaly) for anomaly in result.report.suspected[:SHOWN]]
    write_whole(folder / "shown.json", {**values, "anomalies": shown, "suspected": suspected, "field": field})
    return _outcome(strategy, folder)


def _leaks(report: Report) -> dict[str, dict[str, Any]]:
    """One of each cell of the matrix, by user and owner."""
    found: dict[str, dict[str, Any]] = {}
    shown = matrix(report.seen)
    for anomaly in sorted(report.anomalies, key=lambda one: (_PLAINEST[one.surface], one.t)):
        if anomaly.user in shown.rows and anomaly.owner in shown.columns and anomaly.user and anomaly.owner:
            found.setdefault(anomaly.user, {}).setdefault(anomaly.owner, asdict(anomaly))
    return found


def _outcome(strategy: str, folder: Path) -> Outcome:
    values = json.loads((folder / "shown.json").read_text())
    about = {key: values[key] for key in ("run", "workload", "figures", "stopped", "problems", "field")}
    about |= {"lost": values.get("lost"), "left": values.get("left", ""), "notes": values.get("notes", [])}
    about["field"].setdefault("told", about["field"]["leaked"])  # an older version said less
    return Outcome(strategy, Report.from_dict(values), about, folder)


def _stored(folder: Path) -> Run | None:
    try:
        about = json.loads((folder / "run.json").read_text())
        run = Run(folder.name, tuple(about["strategies"]), Workload(**about["workload"]), float(about["at"]), folder)
        run.target = str(about.get("target", ""))
        for strategy in run.strategies:
            with suppress(FileNotFoundError):
                run.outcomes[strategy] = _outcome(strategy, folder / strategy)
    except (OSError, ValueError, KeyError, TypeError, CrosswireError):  # of an older version, or cut off
        return None
    run.state = "done" if run.outcomes else "failed"
    if not run.outcomes:
        run.problem = "The app ended before this run did, so it has no verdict."
    return run


def told(problem: Exception, what: str) -> str:
    """For the page. Whatever a strategy's library raises when it is opened is said, not swallowed."""
    if isinstance(problem, CrosswireError):
        return public_line(problem)
    LOG.error(what, exc_info=problem)
    return f"{what} ({type(problem).__name__}: see the server's log)."


def write_whole(path: Path, value: object) -> None:
    """Whole or not at all."""
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(value))
    scratch.replace(path)
