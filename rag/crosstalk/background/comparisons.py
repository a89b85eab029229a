"""“Which memory should I use?” in the background: the table as it fills, for the session that asked for it.

As with runs, every call names its session, and nobody sees the table of another one. The newest is kept in a file.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rag.crosstalk.background.runs import TooManyRuns, folder_of, told, write_whole
from rag.crosstalk.checker.findings import Report, few_of_each
from rag.crosstalk.run.comparison import CRITERIA, SCENES, Weighed, weigh
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import STRATEGIES, Lab

FILE = "weighed.json"
SHOWN = 5
"""Anomalies of a kind and scene that are kept as evidence."""
WORKLOAD = Workload(users=100, turns=3, latency="0.003~0.5", seed=7)


@dataclass(frozen=True, slots=True)
class Row:
    """One memory. answers: to each question, None where nothing can be said. rate: turns a second; p95: seconds.

    reports: by scene. round_trips: to Redis, a turn; None where there are none.
    """

    name: str
    answers: Mapping[str, bool | None]
    rate: float
    p95: float
    round_trips: float | None
    reports: Mapping[str, Report]

    def against(self, criterion: str) -> list[tuple[str, Report]]:
        """The scenes that speak against it, or that cannot tell, with what they showed."""
        kinds, scenes = CRITERIA[criterion]
        shown = [(scene, self.reports[scene]) for scene in scenes]
        return [(scene, one) for scene, one in shown if kinds & one.counts.keys() or one.verdict == "unknown"]


@dataclass(slots=True)
class Table:
    """at: epoch seconds when it was begun. doing: what is being measured now."""

    at: float
    rows: list[Row] = field(default_factory=list)
    busy: bool = False
    doing: str = ""
    share: float = 0.0
    problem: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


class Weighing:
    """Thread-safe. One table at a time is measured in a process: two would measure each other."""

    def __init__(self, folder: Path, make_lab: Callable[[Path], AbstractContextManager[Lab]]) -> None:
        self._folder = folder
        self._make_lab = make_lab
        self._live: dict[str, Table] = {}
        self._lock = threading.Lock()

    def start(self, session_id: str, workload: Workload = WORKLOAD) -> Table:
        """Raises TooManyRuns while any table is being measured."""
        with self._lock:
            if any(table.busy for table in self._live.values()):
                raise TooManyRuns("The memories are being weighed already, by you or by somebody else")
            table = self._live[session_id] = Table(time.time(), busy=True)
        threading.Thread(target=self._measure, args=(session_id, table, workload), name="weighing", daemon=True).start()
        return table

    def stop(self, session_id: str) -> None:
        with self._lock:
            if table := self._live.get(session_id):
                table.stop.set()

    def table(self, session_id: str) -> Table | None:
        """This session's newest table; None if it has none."""
        with self._lock:
            live = self._live.get(session_id)
        return live or _stored(folder_of(self._folder, session_id) / FILE)

    def close(self) -> None:
        with self._lock:
            for table in self._live.values():
                table.stop.set()

    def _measure(self, session_id: str, table: Table, workload: Workload) -> None:
        folder = folder_of(self._folder, session_id)
        folder.mkdir(parents=True, exist_ok=True)
        steps = [(name, scene) for name in STRATEGIES for scene in SCENES]

        def look(name: str, scene: str, moment: Progress) -> None:
            done = steps.index((name, scene)) + min(1.0, moment.answered / max(1, moment.turns))
            table.doing, table.share = f"{name}: {scene}", done / len(steps)

        try:
            with self._make_lab(folder) as lab:
                for weighed in weigh(workload, lab, progress=look, stop=table.stop):
                    table.rows = [*table.rows, _row(weighed)]
            write_whole(folder / FILE, {"at": table.at, "rows": [asdict(row) for row in table.rows]})
        except Exception as exc:
            table.problem = told(exc, f"{table.doing} could not be measured")
        finally:
            table.busy = False


def _row(weighed: Weighed) -> Row:
    figures = weighed.measured.figures
    reports = {scene: _brief(result.report) for scene, result in weighed.results.items()}
    return Row(weighed.name, dict(weighed.answers), figures.rate, figures.p95, figures.round_trips, reports)


def _brief(report: Report) -> Report:
    return replace(report, anomalies=tuple(few_of_each(report.anomalies, SHOWN)), seen=())


def _stored(path: Path) -> Table | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads(path.read_text())
        rows = [
            Row(**{**row, "reports": {scene: Report.from_dict(one) for scene, one in row["reports"].items()}})
            for row in values["rows"]
        ]
        return Table(values["at"], rows)
    return None
