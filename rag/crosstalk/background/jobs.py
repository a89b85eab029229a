"""What other processes do for the pages: a part of a run with its files, the smallest example, the rows of a table."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from rag.crosstalk.background.apart import Line
from rag.crosstalk.checker.findings import Anomaly, Report, few_of_each
from rag.crosstalk.log.events import read, to_json
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import matrix
from rag.crosstalk.run.comparison import brief, weigh
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.run.people import label
from rag.crosstalk.run.results import RunResult
from rag.crosstalk.run.runner import WINDOW, simulate
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import Lab
from rag.errors import CrosswireError, public_line

LOG = logging.getLogger(__name__)

SHOWN = 200
"""Anomalies of a kind that a page gets to see; the report's file has more of them."""

_PLAINEST = {"answer": 0, "prompt": 1, "retrieved": 2, "history": 3}


class Passage(NamedTuple):
    """Of a library, as it is sent."""

    id: str
    text: str
    private: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be run. title: for who reads that it could not be. searches: whether the line answers searches."""

    strategy: str
    title: str
    open: Callable[[], Target] | None
    workload: Workload
    lab: Lab
    folder: Path
    searches: bool


def play(part: Part, line: Line) -> None:
    """Says each Progress, then a brief Report without its evidence, and leaves the files in the folder."""
    last: list[Progress] = []

    def look(progress: Progress) -> None:
        last[:] = [progress]
        line.say(progress)

    def search(text: str, k: int, session: str) -> Sequence[Passage]:
        found: Sequence[Passage] = line.ask(text, k, session)
        return found

    try:
        with part.lab as lab, closing(part.open()) if part.open else nullcontext(part.strategy) as what:
            result = simulate(
                what,
                part.workload,
                lab=lab,
                log=part.folder / "log.jsonl",
                search=search if part.searches else None,
                progress=look,
                verdict=lambda report: line.say(replace(report, anomalies=(), suspected=(), seen=())),
                stop=line.stop,
            )
        _keep(result, part.folder, last[0] if last else None)
    except Exception as exc:
        raise CrosswireError(told(exc, f"{part.title} could not be run")) from exc


def load(line: Line) -> None:
    """Nothing: this module is loaded by then."""
    del line


def smallest(log: Path, path: Path, anomaly: Anomaly, line: Line) -> None:
    """Leaves the fewest turns of a log that still show it in a file."""
    del line
    with log.open("rb") as lines:
        found = minimal(read(lines), anomaly, window=WINDOW)
    scratch = path.with_suffix(f".{secrets.token_hex(4)}")
    scratch.write_text("".join(f"{to_json(event)}\n" for event in found))
    scratch.replace(path)


def measure(workload: Workload, lab: Lab, names: Sequence[str], line: Line) -> None:
    """Says strategy, scene and Progress, and each Row when it is known."""
    with lab:
        for weighed in weigh(workload, lab, names, progress=lambda *it: line.say(it), stop=line.stop):
            line.say(brief(weighed))


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


def _keep(result: RunResult, folder: Path, last: Progress | None) -> None:
    values = result.to_dict()
    shown = [asdict(anomaly) for anomaly in few_of_each(result.report.anomalies, SHOWN)]
    write_whole(folder / "leaks.json", _leaks(result.report))
    write_whole(folder / "steps.json", _steps(result))
    known = ("done", "leaked", "told")
    field = {name: list(getattr(last, name)) if last else [] for name in known}
    suspected = [asdict(anomaly) for anomaly in result.report.suspected[:SHOWN]]
    write_whole(folder / "shown.json", {**values, "anomalies": shown, "suspected": suspected, "field": field})
    write_whole(folder / "report.json", values)


def _steps(result: RunResult) -> list[tuple[float, int, int, int]]:
    """By number: who was answered when, and whose data was in the answer, and in the prompt (-1: nobody else's)."""
    numbers = {label(number): number for number in range(result.workload.users)}

    def number(user: str | None) -> int:
        return numbers.get(user or "", -1)

    return [(round(one.t, 3), number(one.user), number(one.shown), number(one.held)) for one in result.steps]


def _leaks(report: Report) -> dict[str, dict[str, Any]]:
    """One of each cell of the matrix, by user and owner."""
    found: dict[str, dict[str, Any]] = {}
    shown = matrix(report.seen)
    for anomaly in sorted(report.anomalies, key=lambda one: (_PLAINEST[one.surface], one.t)):
        if anomaly.user in shown.rows and anomaly.owner in shown.columns and anomaly.user and anomaly.owner:
            found.setdefault(anomaly.user, {}).setdefault(anomaly.owner, asdict(anomaly))
    return found
