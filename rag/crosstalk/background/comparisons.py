"""“Which memory should I use?” in the background: the table as it fills, for the session that asked for it.

As with runs, every call names its session, and nobody sees the table of another one. The newest is kept in a file.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from rag.crosstalk.background import jobs
from rag.crosstalk.background.apart import Place, Processes
from rag.crosstalk.background.runs import TooManyRuns, folder_of
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.run.comparison import SCENES, Row
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import STRATEGIES, Lab

FILE = "weighed.json"
WORKLOAD = Workload(users=100, turns=3, latency="0.003~0.5", seed=7)


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
        self._place.close()

    def _measure(self, session_id: str, table: Table, workload: Workload) -> None:
        folder = folder_of(self._folder, session_id)
        folder.mkdir(parents=True, exist_ok=True)
        steps = [(name, scene) for name in STRATEGIES for scene in SCENES]

        def hear(said: Row | tuple[str, str, Progress]) -> None:
            if isinstance(said, Row):
                table.rows = [*table.rows, said]
                return
            name, scene, moment = said
            done = steps.index((name, scene)) + min(1.0, moment.answered / max(1, moment.turns))
            table.doing, table.share = f"{name}: {scene}", done / len(steps)

        try:
            with self._make_lab(folder) as lab:
                job = partial(jobs.measure, workload, lab, tuple(STRATEGIES))
                self._place.do(job, hear, table.stop, lambda *_: None)
            jobs.write_whole(folder / FILE, {"at": table.at, "rows": [asdict(row) for row in table.rows]})
        except Exception as exc:
            table.problem = jobs.told(exc, f"{table.doing} could not be measured")
        finally:
            table.busy = False


def _stored(path: Path) -> Table | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads(path.read_text())
        rows = [
            Row(**{**row, "reports": {scene: Report.from_dict(one) for scene, one in row["reports"].items()}})
            for row in values["rows"]
        ]
        return Table(values["at"], rows)
    return None
