"""An audit: checks run in a worker process, each within its time; what hangs or dies costs itself alone."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from rag.audit.checks import CHECKS, Check
from rag.audit.report.documented import documented
from rag.audit.results import Audit, Outcome
from rag.audit.run.process import IN_WORKER, Worker
from rag.errors import CrosswireError

LOADING = 60.0
"""Seconds that a target may take to be imported and opened."""
SPARE = 10.0
"""Seconds, beside a check's own, in which its store is opened and what it left is deleted."""


def selected(only: Sequence[str] = ()) -> list[Check]:
    """The checks of these levels or ids, all without any. Raises CrosswireError for a name that is neither."""
    found = []
    for name in only:
        those = [check for check in CHECKS.values() if name in (check.id, check.level)]
        if not those:
            raise CrosswireError(f"{name!r} is neither a level nor a check. crosswire audit --list shows them.")
        found += those
    return [check for check in CHECKS.values() if not only or check in found]


def run(target: str, only: Sequence[str] = (), limit: float | None = None) -> Audit:
    """Audit a target to the end: `crosswire audit TARGET` as a function. only: levels or ids; limit: seconds a check.

    Raises CrosswireError if there is no such target or check, or if the store cannot be opened.
    """
    running = audit(target, selected(only), limit=limit)
    for _ in running:
        pass
    return running.result


class audit:  # noqa: N801  # called like the function that it stands for
    """The outcome of each check, as it comes; `result` has all so far. A second iteration goes on where one ended.

    limit: seconds a check, instead of each one's own. stop: ends the worker when it is set; what came is kept.
    Raises CrosswireError, as one iterates, if the target cannot be loaded or opened.
    """

    def __init__(
        self,
        spec: str,
        checks: Sequence[Check],
        python: str = sys.executable,
        *,
        limit: float | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.result = Audit(spec, left=[check.id for check in checks])
        self.running = ""
        """The id of the check that is tried."""
        self._python = python
        self._limit = limit
        self._stop = stop or threading.Event()

    def __iter__(self) -> Iterator[Outcome]:
        if IN_WORKER in os.environ:
            raise CrosswireError("The audited module audits when it is imported: put that under if __name__ …")
        result, began = self.result, time.monotonic() - self.result.seconds
        try:
            while result.left and not self._stop.is_set():
                with Worker(result.target, result.left, self._python, self._stop) as worker:
                    for outcome in self._outcomes(worker):
                        if outcome.status == "fail":
                            outcome.documented = documented(outcome.id, result.classes)
                        result.left.remove(outcome.id)
                        result.outcomes.append(outcome)
                        result.seconds = round(time.monotonic() - began, 3)
                        yield outcome
        finally:
            result.seconds = round(time.monotonic() - began, 3)
            self.running = ""

    def _outcomes(self, worker: Worker) -> Iterator[Outcome]:
        """Those of one worker, until it is done, or was lost: then what it was at is unknown."""
        self.running, limit = "", LOADING
        while True:
            began = time.monotonic()
            said = worker.said(limit)
            if said is None:
                if not self._stop.is_set():
                    yield self._lost(worker, limit, time.monotonic() - began)
                return
            if "error" in said:
                raise CrosswireError(f"{self.result.target}: {said['error']}")
            if "header" in said:
                for name, value in said["header"].items():
                    setattr(self.result, name, value)
            elif "begins" in said:
                self.running = said["begins"]
                limit = (self._limit or CHECKS[self.running].limit) + (0 if self._limit else SPARE)
            elif "outcome" in said:
                yield Outcome.from_dict(said["outcome"])
            elif "done" in said:
                return

    def _lost(self, worker: Worker, limit: float, seconds: float) -> Outcome:
        late = worker.runs()
        last = worker.last_words()
        ended = f"it took longer than {limit:g} s" if late else f"the process died in it ({worker.ended()})"
        if not self.running:
            what = ended if late else f"the process that opens it died ({worker.ended()})"
            raise CrosswireError(f"{self.result.target} cannot be opened: {what}. {last}".rstrip())
        evidence = f"{ended[0].upper()}{ended[1:]}."
        return Outcome(self.running, "unknown", f"{evidence} {last}".rstrip(), seconds=round(seconds, 3))
