"""`python -m rag simulate`: many users at once against a memory strategy or a target, and who saw whose data."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from rag.chat import make_model
from rag.commands.interrupts import stop_on_interrupt
from rag.commands.output_files import STANDARD
from rag.commands.simulate_output import (
    Files,
    Test,
    bar,
    print_list,
    print_results,
    print_table,
    status,
    table_content,
    write_reports,
)
from rag.crosstalk import STRATEGIES, Lab, Progress, RunResult, Workload, simulate
from rag.crosstalk.report.reproduce import of_run, of_target
from rag.crosstalk.run.comparison import Weighed, weigh
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.run.runner import Search
from rag.crosstalk.strategies import find
from rag.crosstalk.targets import open_target
from rag.errors import CrosswireError
from rag.knowledge import Passage, open_library
from rag.settings import Settings, load


def simulate_command(
    strategy: Annotated[str | None, typer.Option(help="Which memory. --list tells the names.")] = None,
    compare: Annotated[str | None, typer.Option(help="Several, separated by commas, one after the other.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every strategy there is.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Which memory to use: every strategy in four scenes.")] = False,
    names: Annotated[bool, typer.Option("--list", help="List the strategies and what each teaches.")] = False,
    target: Annotated[
        str | None,
        typer.Option(help="A running chat: http://…, or package.module:callable."),
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="YAML that says how to ask an HTTP target.")] = None,
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
    in_flight: Annotated[int, typer.Option(help="Most turns at once; never more than two thirds of the tabs.")] = 64,
    seed: Annotated[int, typer.Option(help="The same seed: the same people, words and moments.")] = 0,
    window: Annotated[int, typer.Option(help="Turns of memory that a prompt holds.", min=1)] = 20,
    model: Annotated[
        str, typer.Option(help="mirror (repeats its prompt), or configured (the chat's model).")
    ] = "mirror",
    library: Annotated[
        bool, typer.Option("--library", help="Have questions searched for in the real library.")
    ] = False,
    sql_url: Annotated[
        str | None,
        typer.Option(envvar="SQL_URL", help="Where the strategy sql stores: postgresql://… Left out: an SQLite file."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report there; - is standard output.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write it as JUnit XML, for a build server.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page, with the smallest counterexample.")] = None,
    log: Annotated[Path | None, typer.Option(help="Keep the operation log there.")] = None,
    pytest_file: Annotated[
        Path | None, typer.Option("--pytest", help="Write a test there that fails until what went wrong is put right.")
    ] = None,
) -> None:
    """Exit status: 0 isolated, 1 anomalies found, 2 can't tell."""
    if names:
        print_list(Console())
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
    files = Files(json_file, junit, html, log, pytest_file)
    if spec is not None and target is None:
        raise CrosswireError("--spec describes a target: add --target http://…")
    chosen = [] if target else _chosen(strategy, compare, everything or table)
    if target and (strategy or compare or everything or table):
        raise CrosswireError("--target stands in the place of a strategy: leave --strategy, --compare, --all out.")
    if len(chosen) > 1 and (junit or html or log or pytest_file):
        raise CrosswireError(
            "--junit, --html, --log and --pytest are of one run: leave them out, or name one with --strategy."
        )
    settings = load()
    progress, shown = Console(stderr=True), Console(stderr=json_file == STANDARD, highlight=False)
    stop = threading.Event()

    def told() -> None:
        progress.print("Stopping; the verdict so far follows.")

    with (
        stop_on_interrupt(stop, told),
        _lab(settings, sql_url) as lab,
        _search(library, settings) as search,
        _kept(files) as kept,
    ):
        if table:
            _weigh(workload, lab, stop, files, progress, shown)
            return
        run = partial(
            simulate,
            workload=workload,
            lab=lab,
            log=kept,
            model=_model(model, settings),
            search=search,
            stop=stop,
            window=window,
        )
        with _opened(target, spec) as box:
            results, left_out = _run(run, [box] if box else [*chosen], stop, progress)
        write_reports(files, results, kept, _test(chosen, target, spec))
        if pytest_file is not None and results and not results[0].report.anomalies:
            progress.print("Nothing went wrong, so there is no test to write.")
    print_results(results, shown)
    code = status(result.report.verdict for result in results)
    raise typer.Exit(code or 2 * left_out)


def _test(chosen: Sequence[str], target: str | None, spec: Path | None) -> Test:
    """Of the only strategy, or of the target with its description as it is now."""
    if target is None:
        return partial(of_run, chosen[0])
    return partial(of_target, target, spec.read_text(encoding="utf-8") if spec else None)


@contextmanager
def _opened(target: str | None, spec: Path | None) -> Iterator[Target | None]:
    if target is None:
        yield None
    else:
        with closing(open_target(target, spec)) as box:
            yield box


def _run(
    run: Callable[..., RunResult], chosen: Sequence[str | Target], stop: threading.Event, console: Console
) -> tuple[list[RunResult], bool]:
    """One after the other. One of several that cannot be run is left out, and that is said."""
    results: list[RunResult] = []
    left_out = False
    for one in chosen:
        name = one if isinstance(one, str) else one.name
        try:
            with bar(console, name) as moved:
                results.append(run(one, progress=moved))
        except CrosswireError as exc:
            if len(chosen) == 1:
                raise
            console.print(Text(f"{name}: {exc}"))
            left_out = True
        if stop.is_set():
            break
    return results, left_out


def _weigh(workload: Workload, lab: Lab, stop: threading.Event, files: Files, console: Console, shown: Console) -> None:
    with bar(console, "every strategy") as moved:

        def told(name: str, scene: str, moment: Progress) -> None:
            moved(moment, f"{name}, {scene}")

        rows, problem = _rows(weigh(workload, lab, progress=told, stop=stop))
    files.write("json", json.dumps(table_content(rows), ensure_ascii=False, indent=2) + "\n")
    print_table(rows, shown)
    if problem is not None:
        raise problem


def _rows(measured: Iterator[Weighed]) -> tuple[list[Weighed], CrosswireError | None]:
    """As far as they go, and what ended them early."""
    rows: list[Weighed] = []
    try:
        rows.extend(measured)
    except CrosswireError as exc:
        return rows, exc
    return rows, None


def _chosen(strategy: str | None, compare: str | None, everything: bool) -> list[str]:
    given = [strategy is not None, compare is not None, everything]
    if sum(given) != 1:
        raise CrosswireError(
            "Name what to run: --strategy NAME, --compare A,B,…, --all or --table. --list tells the names."
        )
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
def _kept(files: Files) -> Iterator[Path | None]:
    """Where the log is kept while it is needed: the page draws its counterexample from it."""
    if files.log is not None or files.html is None:
        yield files.log
        return
    with tempfile.TemporaryDirectory(prefix="crosswire-") as folder:
        yield Path(folder) / "log.jsonl"


@contextmanager
def _lab(settings: Settings, sql_url: str | None) -> Iterator[Lab]:
    lab = Lab(
        settings.state_dir / "simulations",
        "sim:",
        redis_url=settings.redis_url,
        state_dir=settings.state_dir,
        sql_url=sql_url,
        history_prefix=settings.history_prefix,
    )
    with lab:
        yield lab
