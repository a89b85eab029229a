"""A crowd against a wrong and a right memory, with the same people and words: what the checker says of each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from rag.crosstalk.beliefs.results import Bench, Measured
from rag.crosstalk.checker.anomalies import AMNESIA, FOREIGN_READ, LOST_APPEND, LOST_UPDATE, Definition
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.run.runner import simulate
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload

RIGHT = "redis-turn"


@dataclass(frozen=True, slots=True)
class Question:
    """what: the row's name. kinds: of the anomalies that show it. count: how many. told: how many of how many."""

    what: str
    kinds: tuple[Definition, ...]
    count: Callable[[Report], int]
    told: str
    of: Callable[[Report], int]


SHOWN = Question(
    "people shown somebody else's data",
    (FOREIGN_READ,),
    lambda report: report.shown,
    "{found} of {of} people were shown somebody else's data.",
    lambda report: report.users,
)
FORGOTTEN = Question(
    "people whose earlier turns were forgotten",
    (AMNESIA,),
    lambda report: report.reached[AMNESIA.kind].users if AMNESIA.kind in report.reached else 0,
    "{found} of {of} people were forgotten: what they had said was no part of their next prompt.",
    lambda report: report.users,
)
OVERWRITTEN = Question(
    "acknowledged turns that are gone",
    (LOST_UPDATE, LOST_APPEND),
    lambda report: report.counts.get(LOST_UPDATE.kind, 0) + report.counts.get(LOST_APPEND.kind, 0),
    "{found} of {of} acknowledged turns are gone from the store.",
    lambda report: report.answered,
)


def crowd(bench: Bench, wrong: str, workload: Workload, asked: Question, *, holds: bool = False) -> Measured:
    """The answer is yes where nothing was found; holds: it is yes where something was."""
    shares = {wrong: 0.0, RIGHT: 0.0}

    def run(name: str) -> Report:
        return simulate(
            name,
            workload,
            lab=bench.lab,
            progress=partial(_say, bench, shares, name),
            stop=bench.stop,
            window=None,
            apart=workload.restart,
        ).report

    with ThreadPoolExecutor(len(shares)) as pool:  # most of it is processes that start
        theirs, ours = pool.map(run, shares)
    found = asked.count(theirs)
    sure = found > 0 or theirs.verdict == "isolated"
    rows = (
        ("turns answered", f"{theirs.answered:,}", f"{ours.answered:,}"),
        (asked.what, _count(asked, theirs), _count(asked, ours)),
    )
    told = asked.told.format(found=f"{found:,}" if found else "None", of=f"{asked.of(theirs):,}")
    kinds = {definition.kind for definition in asked.kinds}
    telling = sorted((one for one in theirs.anomalies if one.kind in kinds), key=lambda one: one.surface != "answer")
    first = telling[0].explanation if telling else ""
    return Measured((found > 0) == holds if sure else None, f"{told} {first}".rstrip(), rows)


def _count(asked: Question, report: Report) -> str:
    return "?" if report.verdict == "unknown" else f"{asked.count(report):,}"


def _say(bench: Bench, shares: dict[str, float], name: str, moment: Progress) -> None:
    shares[name] = moment.answered / max(1, moment.turns)
    what = f"{moment.answered} of {moment.turns} turns" if moment.phase == "serving" else moment.phase
    bench.tell(sum(shares.values()) / len(shares), f"{name}: {what}")
