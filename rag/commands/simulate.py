"""`python -m rag simulate`: many users at once against a memory strategy or a target, and who saw whose data."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from rag.commands import options
from rag.commands.options import (
    STANDARD,
    Everything,
    HtmlFile,
    JsonFile,
    JunitFile,
    Listed,
    LogFile,
    PytestFile,
    RequireMemory,
    Strategy,
    Tabs,
    console,
    write,
    write_json,
)
from rag.commands.progress import bar, one_by_one, stop_on_interrupt
from rag.commands.reports import Files, status
from rag.commands.simulate_output import (
    moment_told,
    print_results,
    print_strategies,
    print_table,
    runs_content,
    strategies_content,
    table_content,
)
from rag.crosstalk import STRATEGIES, Lab, Progress, Workload, simulate
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import Event, read
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import visible
from rag.crosstalk.report.reproduce import of_run, of_target
from rag.crosstalk.run.comparison import Weighed, weigh
from rag.crosstalk.run.conversation import OWN
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.run.model import MakeModel
from rag.crosstalk.run.runner import Search
from rag.crosstalk.strategies import find
from rag.crosstalk.targets import BadTarget, TargetFailed, open_target
from rag.crosstalk.targets.onboarding.begin import begun, tried
from rag.crosstalk.targets.onboarding.probe import probe, settled
from rag.errors import CrosswireError
from rag.knowledge import open_library
from rag.settings import Settings, load


def simulate_command(
    strategy: Strategy = None,
    compare: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Several, separated by commas, one after the other.")
    ] = None,
    everything: Everything = False,
    compared: Annotated[bool, typer.Option("--table", help="Which memory to use: all of them in four scenes.")] = False,
    names: Listed = False,
    target: Annotated[
        str | None, typer.Option(metavar="TARGET", help="A running chat: http://…, or package.module:callable.")
    ] = None,
    spec: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML: how to talk to an HTTP target.")] = None,
    no_probe: Annotated[bool, typer.Option("--no-probe", help="Do not ask a target a few questions first.")] = False,
    describe: Annotated[
        str | None,
        typer.Option(metavar="URL|CURL", help="Write a description of it to begin with, to --spec or standard output."),
    ] = None,
    users: Annotated[int, options.users(1, 10_000)] = 100,
    turns: Annotated[int, options.turns(2)] = 3,
    tabs: Tabs = 1,
    processes: Annotated[int, typer.Option(help="Server processes that turns are spread over.")] = 1,
    arrival: Annotated[str, typer.Option(help="at once, ramp:SECONDS or poisson:USERS_PER_SECOND.")] = "at once",
    think: Annotated[float, typer.Option(help="Seconds between two turns of a tab.")] = 0.0,
    latency: Annotated[str, typer.Option(help="Of the model: SECONDS, or MEDIAN~SHAPE for log-normal.")] = "0.01~0.5",
    cancelled: Annotated[
        float | None, typer.Option(help="Share of turns that are cancelled. Default: what the strategy's bug needs.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Restart the service halfway.")] = False,
    in_flight: Annotated[int, typer.Option(help="Most concurrent turns; never more than two thirds of the tabs.")] = 64,
    seed: Annotated[int, typer.Option(help="The same seed gives the same users, words and timing.")] = 0,
    shapes: Annotated[
        str, typer.Option(help="How a target's users ask: all, or some of same,similar,first,others,everything.")
    ] = "all",
    scene: Annotated[
        str,
        typer.Option(
            help="How a target's users meet: own, second-login, replayed-ids, same-id, upload, swapped-file or delete."
        ),
    ] = OWN,
    window: Annotated[int, options.window()] = 20,
    require_memory: RequireMemory = False,
    model: Annotated[
        Literal["mirror", "configured"], typer.Option(help="mirror repeats its prompt; configured is the chat's model.")
    ] = "mirror",
    library: Annotated[bool, typer.Option("--library", help="Search the real library for each question.")] = False,
    sql_url: Annotated[
        str | None,
        typer.Option(envvar="SQL_URL", help="Database for the strategy sql: postgresql://… Default: an SQLite file."),
    ] = None,
    json_file: JsonFile = None,
    junit: JunitFile = None,
    html: HtmlFile = None,
    log: LogFile = None,
    pytest_file: PytestFile = None,
) -> None:
    """Exit status: 0 isolated, 1 anomalies found, 2 can't tell."""
    if names:
        write_json(json_file, strategies_content())
        print_strategies(console(json_file))
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
        shapes=shapes,
        scene=scene,
    )
    if describe is not None:
        _describe(describe, spec, json_file, probing=not no_probe)
        return
    if spec is not None and target is None:
        raise CrosswireError("--spec describes a target: add --target http://…")
    chosen = [] if target else _chosen(strategy, compare, everything or compared)
    if target and (strategy or compare or everything or compared):
        raise CrosswireError("--target replaces a strategy: leave out --strategy, --compare, --all and --table.")
    if len(chosen) > 1 and (junit or html or log or pytest_file):
        raise CrosswireError("--junit, --html, --log and --pytest are for a single run: name one with --strategy.")
    settings, shown, stop = load(), console(json_file), threading.Event()
    with (
        stop_on_interrupt(stop, "Stopping; the verdict so far follows."),
        _lab(settings, sql_url) as lab,
        _search(settings) if library else nullcontext() as search,
        _kept(log, html) as kept,
    ):
        if compared:
            rows, problem = _weigh(workload, lab, stop)
            write_json(json_file, table_content(rows, stopped=stop.is_set()))
            print_table(rows, shown)
            if len(rows) < len(STRATEGIES):
                shown.print(f"Partial: {len(rows)} of {len(STRATEGIES)} memories.")
            if problem is not None:
                raise problem
            raise typer.Exit(2 if stop.is_set() else 0)
        run = partial(
            simulate,
            workload=workload,
            lab=lab,
            log=kept,
            model=_configured(settings) if model == "configured" else None,
            search=search,
            stop=stop,
            window=window,
            require_memory=require_memory,
        )
        with _box(target, spec, None if no_probe else shown, stop) if target else nullcontext() as box:
            each: list[str | Target] = [box] if box else [*chosen]
            results, left_out = one_by_one(
                each, lambda one, moved: run(one, progress=lambda moment: moved(*moment_told(moment))), stop
            )
        write_json(json_file, runs_content(results))
        if len(results) == 1:
            test = _test(results[0].workload, chosen, target, spec)
            one = results[0]
            Files(junit, html, pytest_file).write(one.report, one.name, partial(_example, kept), test, one.notes)
    print_results(results, shown)
    raise typer.Exit(status(result.report.verdict for result in results) or 2 * left_out)


def _test(workload: Workload, chosen: Sequence[str], target: str | None, spec: Path | None) -> Callable[[Anomaly], str]:
    """Of the only strategy, or of the target with its description as it is now."""
    if target is None:
        return partial(of_run, chosen[0], workload)
    return partial(of_target, target, spec.read_text(encoding="utf-8") if spec else None, workload)


def _example(log: Path | None, anomaly: Anomaly) -> list[Event]:
    if log is None:
        return []
    with log.open("rb") as lines:
        return minimal(read(lines), anomaly)


@contextmanager
def _box(target: str, spec: Path | None, shown: Console | None, stop: threading.Event) -> Iterator[Target]:
    """shown: where a probe's lines go; None: there is none. Raises TargetFailed where it answers nobody."""
    box = open_target(target, spec)
    try:
        if shown is not None:
            with bar(f"asking {box.name}"):
                # What somebody described is asked as it is described.
                probed, box = (probe(box, stop), box) if spec else settled(box, stop)
            for line in probed.lines:
                shown.print(Text(f"Probe: {visible(line)}"), soft_wrap=True)
            if not probed.answers and not stop.is_set():
                raise TargetFailed(box.name, "a few questions came first, and it answered none; --no-probe skips them")
        yield box
    finally:
        box.close()


def _describe(text: str, file: Path | None, json_file: Path | None, *, probing: bool) -> None:
    if file is not None and file.exists():
        raise CrosswireError(f"{file} is there already: name another file with --spec, or remove it.")
    draft = begun(text)
    said: tuple[str, ...] = ("Not probed.",)
    if probing:
        try:
            with bar("asking a few questions"):
                probed, draft = tried(draft)
            said = tuple(f"Probe: {line}" for line in probed.lines)
        except BadTarget as exc:
            said = (f"Not probed: {exc.reason}.",)
    described = draft.text(said)
    write_json(json_file, {"description": described, "said": list(said)})
    if file is not None or json_file != STANDARD:
        write(file or STANDARD, described, private=True)


def _weigh(workload: Workload, lab: Lab, stop: threading.Event) -> tuple[list[Weighed], CrosswireError | None]:
    """Rows as far as they go, and what ended them early."""
    rows: list[Weighed] = []
    with bar("every strategy") as moved:

        def told(name: str, scene: str, moment: Progress) -> None:
            moved(*moment_told(moment), f"{name}, {scene}")

        try:
            rows.extend(weigh(workload, lab, progress=told, stop=stop))
        except CrosswireError as exc:
            return rows, exc
    return rows, None


def _chosen(strategy: str | None, compare: str | None, everything: bool) -> list[str]:
    if sum([strategy is not None, compare is not None, everything]) != 1:
        raise CrosswireError(
            "Name what to run: --strategy NAME, --compare A,B,…, --all or --table. --list lists the names."
        )
    if everything:
        return list(STRATEGIES)
    return [find(name.strip()).name for name in (compare.split(",") if compare is not None else [strategy or ""])]


@contextmanager
def _search(settings: Settings) -> Iterator[Search]:
    with closing(open_library(settings)) as library:
        if not library.documents():
            library.add([settings.knowledge_dir])
        yield library.search


def _configured(settings: Settings) -> MakeModel:
    from rag.chat import make_model  # with all of LangChain's models, which is a third of what this command loads

    return partial(make_model, settings)


@contextmanager
def _kept(log: Path | None, html: Path | None) -> Iterator[Path | None]:
    """Where the log is kept while it is needed: the page draws its counterexample from it."""
    if log is not None or html is None:
        yield log
        return
    with tempfile.TemporaryDirectory(prefix="crosswire-") as folder:
        yield Path(folder) / "log.jsonl"


def _lab(settings: Settings, sql_url: str | None) -> Lab:
    return Lab(
        settings.state_dir / "simulations",
        "sim:",
        redis_url=settings.redis_url,
        state_dir=settings.state_dir,
        sql_url=sql_url,
        history_prefix=settings.history_prefix,
    )
