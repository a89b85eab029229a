"""“Which memory should I use?”: the table that comes with the program, and the rows that a session has measured again.

As with runs, every call names its session, and nobody sees the rows of another one. They are kept in a file.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from rag.crosstalk.background import jobs
from rag.crosstalk.background.apart import Place, Processes
from rag.crosstalk.background.runs import TooManyRuns, folder_of
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.run.comparison import SCENES, Row
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import STRATEGIES, Lab

FILE = "weighed.json"
SHIPPED = Path(__file__).with_name("measured.json")
"""Renewed by `python -m rag bench memories --write FILE`."""
WORKLOAD = Workload(users=100, turns=3, latency="0.003~0.5", seed=7)
SURE = 0.02
"""Of the work: when so much is done, one can say how long the rest will take."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """The table that comes with the program. machine: its kind; versions: by package."""

    at: float
    machine: str
    versions: Mapping[str, str]
    rows: tuple[Row, ...]


@dataclass(slots=True)
class Table:
    """rows: those measured here, by name. names: those asked for last; measured: how many of them are done. doing: what
    is being measured now. stopped: before all of them were done."""

    rows: dict[str, Row] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    measured: int = 0
    busy: bool = False
    doing: str = ""
    share: float = 0.0
    problem: str = ""
    stopped: bool = False
    begun: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take; None while that cannot be said."""
        spent = time.monotonic() - self.begun
        return spent / self.share - spent if self.share > SURE else None

    def over(self, shipped: Shipped) -> list[Row]:
        """All rows in the order of the story, each as it was measured last."""
        known = {row.name: row for row in shipped.rows} | self.rows
        return [known[name] for name in STRATEGIES if name in known]


@cache
def shipped() -> Shipped:
    values = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return Shipped(values["at"], values["machine"], values["versions"], tuple(map(_row, values["rows"])))


class Weighing:
    """Thread-safe. One table at a time is measured in a process: two would measure each other."""

    def __init__(
        self,
        folder: Path,
        make_lab: Callable[[Path], AbstractContextManager[Lab]],
        place: Place | None = None,
    ) -> None:
        """place: where it is measured; None: in a process of its own."""
        self._folder = folder
        self._place = place or Processes()
        self._make_lab = make_lab
        self._live: dict[str, Table] = {}
        self._lock = threading.Lock()

    def start(self, session_id: str, names: Sequence[str] = tuple(STRATEGIES), workload: Workload = WORKLOAD) -> Table:
        """Measure these again. Raises TooManyRuns while any table is being measured."""
        before = self.table(session_id)
        with self._lock:
            if any(table.busy for table in self._live.values()):
                raise TooManyRuns("The memories are being measured already, by you or by somebody else")
            table = self._live[session_id] = Table(dict(before.rows), tuple(names), busy=True)
        threading.Thread(target=self._measure, args=(session_id, table, workload), name="weighing", daemon=True).start()
        return table

    def stop(self, session_id: str) -> None:
        with self._lock:
            if table := self._live.get(session_id):
                table.stop.set()

    def table(self, session_id: str) -> Table:
        """What this session has measured: nothing, as a rule."""
        with self._lock:
            live = self._live.get(session_id)
        return live or _stored(folder_of(self._folder, session_id) / FILE)

    def close(self) -> None:
        with self._lock:
            for table in self._live.values():
                table.stop.set()
        self._place.close()

    def _measure(self, session_id: str, table: Table, workload: Workload) -> None:
        folder = folder_of(self._folder, session_id)
        folder.mkdir(parents=True, exist_ok=True)
        steps = [(name, scene) for name in table.names for scene in SCENES]

        def hear(said: Row | tuple[str, str, Progress]) -> None:
            if isinstance(said, Row):
                table.rows, table.measured = {**table.rows, said.name: said}, table.measured + 1
                return
            name, scene, moment = said
            done = steps.index((name, scene)) + min(1.0, moment.answered / max(1, moment.turns))
            table.doing, table.share = f"{name}: {scene}", done / len(steps)

        try:
            with self._make_lab(folder) as lab:
                job = partial(jobs.measure, workload, lab, table.names)
                self._place.do(job, hear, table.stop, lambda *_: None)
            jobs.write_whole(folder / FILE, {"rows": [asdict(row) for row in table.rows.values()]})
        except Exception as exc:
            table.problem = jobs.told(exc, f"{table.doing} could not be measured")
        finally:
            table.stopped, table.busy = table.measured < len(table.names), False


def _stored(path: Path) -> Table:
    with suppress(OSError, ValueError, KeyError, TypeError):
        rows = map(_row, json.loads(path.read_text())["rows"])
        return Table({row.name: row for row in rows})
    return Table()


def _row(values: dict[str, Any]) -> Row:
    return Row(**{**values, "reports": {scene: Report.from_dict(one) for scene, one in values["reports"].items()}})
