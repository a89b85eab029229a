"""How long a page takes, from the first request to the last thing drawn, with and without a run of 100 users going on.

The application is served as it is run; browsers without a screen open one page after the other in another process.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rag.errors import CrosswireError
from rag.resources import child_environment
from rag.web.bench.serving import APP, MODULE, serving

QUIET, BUSY = "quiet", "busy"


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds, of so many pages opened; busy: only of those asked for while a run went on. runs: of 100 users × 3
    turns, begun meanwhile by another browser."""

    what: str
    pages: int
    p50: float
    p95: float
    slowest: str
    """The page that was the slowest in the middle."""
    runs: int


def run(folder: Path, seconds: float, progress: Callable[[str], None]) -> Iterator[Row]:
    with serving("pages", APP, folder) as party:
        _opened(party.port, 0.1, QUIET)  # what is loaded on first use
        for what in (QUIET, BUSY):
            progress(f"Opening pages: {what}")
            lines = _opened(party.port, seconds, what)
            yield row(what, lines[:-1], lines[-1])


def row(what: str, opened: list[dict[str, Any]], owner: dict[str, Any]) -> Row:
    """Raises CrosswireError where the window was idle: its figures would be those of a quiet server."""
    runs = int(owner["runs"])
    if what == BUSY:
        opened = [one for one in opened if one["during"]]
        if owner["problem"] or not runs or not opened:
            raise CrosswireError(f"No page was opened while a run went on. {owner['problem']}".strip())
    times = sorted(one["seconds"] for one in opened)
    by_page: dict[str, list[float]] = {}
    for one in opened:
        by_page.setdefault(str(one["page"]), []).append(one["seconds"])
    slowest = max(by_page, key=lambda page: median(by_page[page]))
    return Row(what, len(times), median(times), times[min(len(times) - 1, int(0.95 * len(times)))], slowest, runs)


def _opened(port: int, seconds: float, what: str) -> list[dict[str, Any]]:
    command = [*MODULE, "rag.ui.page_load", str(port), str(seconds), what]
    done = subprocess.run(command, env=child_environment(), stdout=subprocess.PIPE, text=True)  # noqa: S603, PLW1510 - our own
    if done.returncode:
        raise CrosswireError("The process that opens the pages has ended. Run it again.")
    return [json.loads(line) for line in done.stdout.splitlines()]
