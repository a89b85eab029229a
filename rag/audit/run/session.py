"""An audit: checks run in a worker process, each within its time; what hangs or dies costs itself alone."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any

from rag.audit.checks import CHECKS, Check
from rag.audit.run.results import Outcome
from rag.errors import CrosswireError

LOADING = 60.0
"""Seconds that a target may take to be imported."""


def selected(only: Sequence[str] = ()) -> list[Check]:
    """The checks of these levels or ids, all without any. Raises CrosswireError for a name that is neither."""
    found = []
    for name in only:
        those = [check for check in CHECKS.values() if name in (check.id, check.level)]
        if not those:
            raise CrosswireError(f"{name!r} is neither a level nor a check. crosswire audit --list shows them.")
        found += those
    return [check for check in CHECKS.values() if not only or check in found]


def audit(spec: str, checks: Sequence[Check], python: str = sys.executable) -> Iterator[Outcome]:
    """The outcome of each check, as it comes. Close it to stop: what came is kept, the worker is ended.

    Raises CrosswireError if the target cannot be loaded.
    """
    left = list(checks)
    while left:
        with _Worker(spec, [check.id for check in left], python) as worker:
            limit = LOADING
            running: Check | None = None
            while left:
                said = worker.line(limit)
                if said is None:
                    check = running or left[0]
                    why = f"It took longer than {limit:.0f} s." if worker.runs() else "The process died in it."
                    left.remove(check)
                    yield Outcome(check.id, "unknown", why, seconds=limit if worker.runs() else 0.0)
                    break
                if "error" in said:
                    raise CrosswireError(said["error"])
                if "begins" in said:
                    running = CHECKS[said["begins"]]
                    limit = running.limit
                elif "outcome" in said:
                    outcome = Outcome(**said["outcome"])
                    outcome.replay = [(who, did, came) for who, did, came in outcome.replay]
                    left = [check for check in left if check.id != outcome.id]
                    yield outcome


class _Worker:
    def __init__(self, spec: str, ids: list[str], python: str) -> None:
        command = [python, "-m", "rag.audit.run.worker", spec, *ids]
        self._process = subprocess.Popen(  # noqa: S603  # the command is ours, the target is the caller's own
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._said: IO[str] = self._process.stdout  # type: ignore[assignment]  # a pipe, as asked for
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._said:
            self._lines.put(line)
        self._lines.put(None)

    def line(self, limit: float) -> dict[str, Any] | None:
        """What it says next; None if it is silent for so long, or has ended."""
        try:
            line = self._lines.get(timeout=limit)
        except queue.Empty:
            return None
        return json.loads(line) if line is not None else None

    def runs(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
