"""`bench overload`: when more is asked than can be answered, what is, how soon, and how soon the rest is told.

The application with its limits as they are by default, the load in a process of its own. What it can answer, some
browsers find out that ask again at once, of a server that refuses nobody: a refusal is quicker than an answer, and
whoever asks again after it takes time from those that are answered. Then questions come at shares of that, at random
times and however long the answers take, from many browsers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from rag.errors import CrosswireError
from rag.settings import Settings
from rag.web.bench.asking import asking_process
from rag.web.bench.pressure import Job, Result
from rag.web.bench.serving import APP, serving

BUSY = 16
"""Browsers that keep the application busy, and its queue short."""
WAIT: float = Settings.model_fields["limit_wait_seconds"].default
BEFORE = 3.0
"""Seconds after which a queue is what it will be: it may be long for one, and is gone after another."""


@dataclass(frozen=True, slots=True)
class Row:
    """load: of what can be answered. Rates a second; the rest seconds. `refused`: a share of what came back.
    browsers: from which it was asked."""

    load: float
    asked: float
    answered: float
    p50: float
    p99: float
    refused: float
    refused_p50: float
    refused_p99: float
    client_cpu: float
    browsers: int


def run(
    folder: Path,
    questions: Sequence[str],
    *,
    clients: int = 200,
    wait: float = WAIT,
    loads: Sequence[float] = (0.5, 1.0, 2.0),
    seconds: float = 8.0,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """`folder` is a scratch folder. Raises CrosswireError where the server does not start, or what comes back is
    neither an answer of the session that asked, nor a refusal that says when to come back."""
    with _asking() as ask:

        def asked(port: int, clients: int, rate: float, before: float = BEFORE) -> Result:
            return ask(Job(port, clients, rate, list(questions), before, seconds))

        progress("finding out what it can answer")
        with serving("capacity", APP, folder) as party:
            asked(party.port, BUSY, 0, 1.0)
            found = asked(party.port, BUSY, 0, 1.0)
        most = len(found.answered) / seconds
        if found.refused or not most:
            raise CrosswireError(
                f"What it can answer was not found: in {seconds:g} s {len(found.answered)} questions were answered and "
                f"{len(found.refused)} refused."
            )
        rows = []
        with serving("overload", APP, folder, {"LIMIT_WAIT_SECONDS": str(wait)}) as party:
            asked(party.port, BUSY, most / 2, 1.0)
            for load in loads:
                progress(f"{clients} browsers, {load:g} times the {most:.0f} questions a second that it can answer")
                rows.append(_row(load, asked(party.port, clients, load * most), seconds))
        return rows


def _row(load: float, result: Result, seconds: float) -> Row:
    everything = len(result.answered) + len(result.refused)
    p50, p99 = _percentiles(result.answered)
    refused_p50, refused_p99 = _percentiles(result.refused)
    return Row(
        load,
        result.asked / seconds,
        len(result.answered) / seconds,
        p50,
        p99,
        len(result.refused) / max(everything, 1),
        refused_p50,
        refused_p99,
        result.cpu / (seconds + BEFORE),
        result.browsers,
    )


def _percentiles(times: list[float]) -> tuple[float, float]:
    found = quantiles([*times, *times] if len(times) == 1 else times or [0.0, 0.0], n=100, method="inclusive")
    return found[49], found[98]


@contextmanager
def _asking() -> Iterator[Callable[[Job], Result]]:
    """The process that asks."""
    with asking_process("rag.web.bench.pressure") as perform:

        def ask(job: Job) -> Result:
            result = Result(**perform(job))
            if result.wrong:
                raise CrosswireError("; ".join(result.wrong))
            return result

        yield ask
