"""`python -m rag simulate`: many users at once against a memory strategy or a target, and who saw whose data."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rag.chat import make_model
from rag.crosstalk import STRATEGIES, Lab, RunResult, Workload, simulate
from rag.crosstalk import Progress as Moment
from rag.crosstalk.runner import Search
from rag.crosstalk.strategies import find
from rag.errors import CrosswireError
from rag.knowledge import Passage, open_library
from rag.settings import Settings, load

EXIT = {"isolated": 0, "anomalies": 1, "unknown": 2}


def simulate_command(
    strategy: Annotated[str | None, typer.Option(help="Which memory. --list tells the names.")] = None,
    compare: Annotated[str | None, typer.Option(help="Several, separated by commas, one after the other.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every strategy there is.")] = False,
    names: Annotated[bool, typer.Option("--list", help="List the strategies and what each teaches.")] = False,
    users: Annotated[int, typer.Option(help="1 to 10000 people, each in a session of its own.")] = 100,
    turns: Annotated[int, typer.Option(help="Turns of each tab, at least 2.")] = 3,
    tabs: Annotated[int, typer.Option(help="Tabs of each user, in one session, at once.")] = 1,
    processes: Annotated[int, typer.Option(help="Processes that serve; a session's turns go round them.")] = 1,
    arrival: Annotated[str, typer.Option(help="at once, ramp:SECONDS or poisson:USERS_A_SECOND.")] = "at once",
    think: Annotated[float, typer.Option(help="Seconds between two turns of a tab.")] = 0.0,
    latency: Annotated[str, typer.Option(help="Of the model: SECONDS, or MEDIAN~SHAPE for log-normal.")] = "0.01~0.5",
    cancelled: Annotated[
        float | None, typer.Option(help="Share of turns given up half-way. Left out: what the strategy's bug needs.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Restart the service half-way.")] = False,
    in_flight: Annotated[int, typer.Option(help="Most turns at once.")] = 64,
    seed: Annotated[int, typer.Option(help="The same seed: the same people, words and moments.")] = 0,
    window: Annotated[int, typer.Option(help="Turns of memory that a prompt holds.", min=1)] = 20,
    model: Annotated[
        str, typer.Option(help="mirror (repeats its prompt), or configured (the chat's model).")
    ] = "mirror",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report there; - is standard output.")
    ] = None,
    library: Annotated[
        bool, typer.Option("--library", help="Have questions searched for in the real library.")
    ] = False,
    log: Annotated[Path | None, typer.Option(help="Keep the operation log there.")] = None,
) -> None:
    """Exit status: 0 isolated, 1 anomalies found, 2 can't tell."""
    if names:
        _list()
        return
    workload = Workload(
        users=users,
        turns=turns,
        tabs=tabs,
        processes=processes,
        arrival=arrival,
        think=think,
        latency=latency,
        cancelled=cancelled,
        restart=restart,
        in_flight=in_flight,
        seed=seed,
    )
    chosen = _chosen(strategy, compare, everything)
    if log is not None and len(chosen) > 1:
        raise CrosswireError("--log keeps the log of one run: leave it out, or name one strategy with --strategy.")
    if json_file is not None and json_file != Path("-") and not json_file.resolve().parent.is_dir():
        raise CrosswireError(f"{json_file} cannot be written: there is no such folder. Name another file with --json.")
    settings = load()
    console = Console(stderr=True)
    results: list[RunResult] = []
    left_out = False
    with _stop_on_interrupt(console) as stop, _lab(settings) as lab, _search(library, settings) as search:
        run = partial(
            simulate,
            workload=workload,
            lab=lab,
            log=log,
            model=_model(model, settings),
            search=search,
            stop=stop,
            window=window,
        )
        for name in chosen:
            try:
                with _bar(console, name) as moved:
                    results.append(run(name, progress=moved))
            except CrosswireError as exc:
                if len(chosen) == 1:
                    raise
                console.print(f"{name}: {exc}", markup=False)
                left_out = True
            if stop.is_set():
                break
    _write_json(json_file, results)
    _print(results, Console(stderr=json_file == Path("-")))
    raise typer.Exit(status(results) or 2 * left_out)


def status(results: list[RunResult]) -> int:
    """Anomalies anywhere count most, then not knowing."""
    codes = {EXIT[result.report.verdict] for result in results}
    return 1 if 1 in codes else max(codes, default=2)


def _chosen(strategy: str | None, compare: str | None, everything: bool) -> list[str]:
    given = [strategy is not None, compare is not None, everything]
    if sum(given) != 1:
        raise CrosswireError("Name what to run: --strategy NAME, --compare A,B,… or --all. --list tells the names.")
    if everything:
        return list(STRATEGIES)
    chosen = [name.strip() for name in (strategy or compare or "").split(",")]
    return [find(name).name for name in (chosen if compare is not None else [strategy or ""])]


def _model(name: str, settings: Settings) -> Callable[[], Any] | None:
    if name == "mirror":
        return None
    if name != "configured":
        raise CrosswireError(f"--model is {name!r}: expected mirror or configured.")
    return partial(make_model, settings)


@contextmanager
def _search(wanted: bool, settings: Settings) -> Iterator[Search | None]:
    if not wanted:
        yield None
        return
    with closing(open_library(settings)) as library:
        if not library.documents():
            library.add([settings.knowledge_dir])

        def search(text: str, k: int, session_id: str) -> Sequence[Passage]:
            return library.search(text, k, session_id)

        yield search


@contextmanager
def _lab(settings: Settings) -> Iterator[Lab]:
    lab = Lab(
        settings.state_dir / "simulations",
        "sim:",
        redis_url=settings.redis_url,
        state_dir=settings.state_dir,
        history_prefix=settings.history_prefix,
    )
    with lab:
        yield lab


@contextmanager
def _stop_on_interrupt(console: Console) -> Iterator[threading.Event]:
    """Ctrl-C ends the run with the verdict so far; a second one ends the program."""
    stop = threading.Event()

    def stopped(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        console.print("Stopping; the verdict so far follows.")
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, stopped)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(console: Console, name: str) -> Iterator[Callable[[Moment], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=None, told="starting")

        def moved(moment: Moment) -> None:
            done = moment.answered + moment.failed + moment.given_up
            told = (
                f"{done}/{moment.turns} turns, {moment.rate:,.0f}/s, {moment.in_flight} in flight, {moment.leaks} leaks"
            )
            told = told if moment.phase == "serving" else f"{told}; {moment.phase} …"
            progress.update(task, total=moment.turns, completed=done, told=told)

        yield moved


def _list() -> None:
    table = Table("strategy", "what it teaches")
    for name, kind in STRATEGIES.items():
        table.add_row(name, kind.lesson)
    Console().print(table)


def _print(results: list[RunResult], console: Console) -> None:
    table = Table("strategy", "verdict", "anomalies", "turns", "turns/s", "p50", "p95", "p99", "in flight")
    for result in results:
        found, figures = result.report.counts, result.figures
        counts = ", ".join(f"{count} {kind}" for kind, count in found.items() if count)
        milliseconds = (f"{1000 * value:,.0f} ms" for value in (figures.p50, figures.p95, figures.p99))
        table.add_row(
            result.name,
            result.report.verdict,
            counts or "none",
            f"{figures.answered}/{figures.turns}",
            f"{figures.rate:,.0f}",
            *milliseconds,
            f"{figures.peak_in_flight} (mean {figures.mean_in_flight:.0f})",
        )
    console.print(table)
    for result in results:
        console.print(f"{result.name}: {result.report.why}{' (stopped early)' if result.stopped else ''}", markup=False)
        for problem in result.problems[:1]:
            console.print(f"  turns failed, the first one with: {problem}", markup=False)


def _write_json(path: Path | None, results: list[RunResult]) -> None:
    if path is None:
        return
    single = results[0].to_dict() if len(results) == 1 else None
    verdict = {code: name for name, code in EXIT.items()}[status(results)]
    content = single or {"verdict": verdict, "runs": [result.to_dict() for result in results]}
    text = json.dumps(content, ensure_ascii=False, indent=2)
    if path == Path("-"):
        sys.stdout.write(text + "\n")
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as exc:
        raise CrosswireError(f"{path} cannot be written ({exc.strerror}). Name another file with --json.") from exc
