"""`python -m rag bench …`: figures measured now, on this machine."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from rag.chat import bench as turn_bench
from rag.chat.evaluation import VERDICTS, answered, held
from rag.chat.offline import OfflineChatModel
from rag.chat.offline.ranking import Ranker
from rag.chat.service import SOURCES
from rag.commands.options import JsonFile, console, write_json
from rag.crosstalk.bench import checking as check_bench
from rag.crosstalk.bench import exploring as rates
from rag.crosstalk.bench.turns import StrategyTurns
from rag.crosstalk.explore.explorer import temporary_lab
from rag.crosstalk.strategies import Lab
from rag.errors import BadDocument
from rag.inspector import Inspector
from rag.inspector import bench as inspector_bench
from rag.knowledge import Library, open_library
from rag.knowledge.embedding.embedders import make_embedder
from rag.knowledge.search.evaluation import Figures, evaluate, figures, read_questions
from rag.resources import QUESTIONS
from rag.services import settle
from rag.sessions import SessionStore, connect
from rag.sessions import bench as store_bench
from rag.sessions.embedded.server import EmbeddedServer
from rag.settings import load
from rag.web.bench import served as served_bench

app = typer.Typer(
    help="Run the benchmarks on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _group() -> None:
    """Run the benchmarks on this machine."""


@app.command("retrieval")
def retrieval(
    questions: Annotated[Path, typer.Option(help="JSON Lines: question, article, also, part.")] = QUESTIONS,
    misses: Annotated[bool, typer.Option(help="List the questions whose article was not found.")] = False,
) -> None:
    """Recall@4 and mean reciprocal rank over known questions, in a library made fresh from the articles."""
    if not questions.is_file():
        raise BadDocument(str(questions), "there is no such file", "Name a file with --questions.")
    with tempfile.TemporaryDirectory(prefix="crosswire-bench-") as scratch:
        settings = load().model_copy(update={"state_dir": Path(scratch), "chroma_url": "embedded"})
        with closing(open_library(settings)) as library:
            library.add([settings.knowledge_dir])
            outcomes = evaluate(library, read_questions(questions))
    _print(figures(outcomes))
    if misses:
        for outcome in outcomes:
            if outcome.question.articles and not outcome.recalled:
                typer.echo(f"{outcome.question.part}: {outcome.question.text} -> {', '.join(outcome.found)}")


def _print(rows: list[Figures]) -> None:
    table = Table("part", "half", "questions", "recall@4", "MRR", "taken as covered")
    for row in rows:
        known = row.part != "unanswerable"
        recall, mrr = (f"{row.recall:.3f}", f"{row.mrr:.3f}") if known else ("-", "-")
        table.add_row(row.part, row.half, str(row.questions), recall, mrr, f"{row.covered:.2f}")
    Console().print(table)


@app.command("answers")
def answers(
    folder: Annotated[Path, typer.Option(help="Folder with questions*.jsonl and dialogues*.jsonl.")] = QUESTIONS.parent,
) -> None:
    """What the offline model makes of known questions and dialogues: right, wrong, refused; and its time."""
    with tempfile.TemporaryDirectory(prefix="crosswire-bench-") as scratch:
        settings = load().model_copy(update={"state_dir": Path(scratch), "chroma_url": "embedded"})
        embedder = make_embedder(settings)
        with closing(open_library(settings, embedder)) as library:
            library.add([settings.knowledge_dir])
            model = OfflineChatModel(ranker=Ranker(embedder))
            table = Table("file", "half", "language", "part", *VERDICTS, "ms a turn")
            for path in (folder / "questions.jsonl", folder / "questions-c.jsonl"):
                answered(model, library, path)  # passages are made ready once, whoever asks
                begun = perf_counter()
                counts = answered(model, library, path)
                each = f"{1000 * (perf_counter() - begun) / counts.total():.2f}"
                for *key, _ in sorted({(*key[:3], "") for key in counts}):
                    half, language, part = key
                    numbers = [str(counts[half, language, part, verdict]) for verdict in VERDICTS]
                    table.add_row(path.stem, half, language, part, *numbers, each)
            Console().print(table)
            for paths in ([folder / "dialogues-a.jsonl", folder / "dialogues-b.jsonl"], [folder / "dialogues-c.jsonl"]):
                outcomes = held(model, library, paths)
                whole = sum(not outcome.complaints for outcome in outcomes)
                recalled, recalls = (sum(getattr(one, name) for one in outcomes) for name in ("recalled", "recalls"))
                typer.echo(
                    f"{' and '.join(path.stem for path in paths)}: {whole} of {len(outcomes)} dialogues as expected; "
                    f"{recalled} of {recalls} recalls of what was stated"
                )


@app.command("store")
def store(
    seconds: Annotated[float, typer.Option(help="Length of each measured slice.")] = 0.4,
    slices: Annotated[int, typer.Option(help="Slices a contender and setting; medians are shown.", min=1)] = 5,
    full: Annotated[bool, typer.Option(help="Also 100 threads, and histories of 0 and 1000 messages.")] = True,
    devices: Annotated[bool, typer.Option(help="The store without each of its devices for speed, not others.")] = False,
) -> None:
    """Turns a second on an embedded server of its own, against the bytes-only limit and what others use."""
    settings = store_bench.SETTINGS if full else [(1, 40)]
    table = Table("threads", "messages", "contender", "turns/s", "of the limit")
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="crosswire-bench-") as scratch:
        folder = Path(scratch)
        with (
            closing(connect("embedded", state_dir=folder, max_connections=128)) as client,
            console.status("") as status,
        ):
            parties = store_bench.contenders(client, _socket_url(folder), folder)
            if devices:
                parties = [*parties[:2], *store_bench.ablations(client)]
            rows = store_bench.run(parties, settings, slices=slices, seconds=seconds, progress=status.update)
            for row in rows:
                table.add_row(str(row.threads), str(row.messages), row.name, f"{row.rate:,.0f}", f"{row.ratio:.2f}")
    Console().print(table)


@app.command("turn")
def turn(
    users: Annotated[int, typer.Option(help="All ask at once, each in a thread of its own.", min=1, max=100)] = 100,
    turns: Annotated[int, typer.Option(help="Questions of each user in a slice.", min=1)] = 3,
    slices: Annotated[int, typer.Option(help="Measured slices a contender; medians are shown.", min=1)] = 5,
) -> None:
    """A whole turn with a model that answers at once, against the least it can cost and a plain LangChain build."""
    questions = [question.text for question in read_questions(QUESTIONS)]
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="crosswire-bench-") as scratch:
        folder = Path(scratch)
        settings = load().model_copy(update={"state_dir": folder, "chroma_url": "embedded"})
        with (
            closing(connect("embedded", state_dir=folder, max_connections=128)) as client,
            console.status("Reading the articles") as status,
            Lab(folder, state_dir=folder) as lab,
            turn_bench.contenders(
                client, _socket_url(folder), settings, lambda library: [_redis_turn(lab, library)]
            ) as parties,
        ):
            settle()  # as the app does when it has started
            rows = turn_bench.run(parties, questions, users=users, turns=turns, slices=slices, progress=status.update)
    table = Table("contender", "turns/s", "of the floor", "times plain LangChain")
    for row in rows:
        table.add_row(row.name, f"{row.rate:,.0f}", f"{row.of_floor:.2f}", f"{row.of_plain:.2f}")
    Console().print(table)


@app.command("served")
def served(
    clients: Annotated[list[int] | None, typer.Option(help="Browsers at once; may be repeated.", min=1)] = None,
    slices: Annotated[int, typer.Option(help="Measured slices a contender; medians are shown.", min=1)] = 5,
    seconds: Annotated[float, typer.Option(help="Length of each slice.", min=0.1)] = 2.0,
    json_file: JsonFile = None,
) -> None:
    """Turns as `streamlit run app.py` serves them, over HTTP, against a bare route that searches and stores.

    trips: to Redis a turn. CPU ms: of the server a turn. load: how much of a core the clients took.
    """
    questions = [question.text for question in read_questions(QUESTIONS)]
    with (
        tempfile.TemporaryDirectory(prefix="crosswire-bench-") as scratch,
        Console(stderr=True).status("") as status,
    ):
        rows = served_bench.run(
            Path(scratch),
            questions,
            clients=clients or (1, 20, 100),
            slices=slices,
            seconds=seconds,
            progress=status.update,
        )
    table = Table(
        "clients", "contender", "turns/s", "p50 ms", "p99 ms", "of the floor", "Redis trips", "CPU ms", "load"
    )
    for row in rows:
        table.add_row(
            str(row.clients),
            row.name,
            f"{row.rate:,.0f}",
            f"{row.p50 * 1e3:,.1f}",
            f"{row.p99 * 1e3:,.1f}",
            f"{row.of_floor:.2f}",
            f"{row.round_trips:.1f}",
            f"{row.cpu * 1e3:.1f}",
            f"{row.client_cpu:.0%}",
        )
    console(json_file).print(table)
    write_json(json_file, [asdict(row) for row in rows])


def _redis_turn(lab: Lab, library: Library) -> turn_bench.Contender:
    turns = StrategyTurns("redis-turn", lab, library.search, turn_bench.ANSWER, SOURCES)
    return turn_bench.Contender(turns.name, turns.turn, turns.stored, turns.delete)


@app.command("check")
def check(
    events: Annotated[int, typer.Option(help="Of the log of a service that does everything right.", min=1000)] = 10**6,
) -> None:
    """How fast an operation log is checked, and in how much memory: whole turns, and one memory for everybody."""
    table = Table("log", "events", "MB", "seconds", "events/s", "peak MB", "anomalies")
    with (
        tempfile.TemporaryDirectory(prefix="crosswire-bench-") as scratch,
        Console(stderr=True).status("") as status,
    ):
        for row in check_bench.run(events, Path(scratch), status.update):
            found = f"{row.found:,}" if row.found else row.verdict
            cost = f"{row.size / 1e6:,.0f}", f"{row.seconds:.1f}", f"{row.rate:,.0f}", f"{row.memory / 1e6:,.0f}"
            table.add_row(row.what, f"{row.events:,}", *cost, found)
    Console().print(table)


@app.command("explore")
def explore(
    strategy: Annotated[str | None, typer.Option(help="One in-memory strategy; left out: all of them.")] = None,
    turns: Annotated[int, typer.Option(help="Of each of two users or tabs.", min=1, max=4)] = 2,
    rounds: Annotated[int, typer.Option(help="Medians of so many are shown.", min=1)] = 3,
) -> None:
    """Schedules a second: every interleaving of two users, of two tabs, and of three users with a turn each."""
    table = Table(Column("strategy", no_wrap=True), "scene", "explored", "schedules", "seconds", "schedules/s")
    with temporary_lab() as lab, Console(stderr=True).status("") as status:
        for row in rates.measure([strategy] if strategy else rates.names(), turns, lab, rounds, status.update):
            scene = f"{row.scene.people} × {row.scene.turns}"
            cost = f"{row.schedules:,}", f"{row.seconds:.3f}", f"{row.a_second:,.0f}"
            table.add_row(row.strategy, scene, row.explored, *cost)
    Console().print(table)


@app.command("sessions")
def sessions(
    count: Annotated[int, typer.Option("--sessions", help="How many are generated.", min=100)] = 10_000,
    turns: Annotated[int, typer.Option(help="Turns of each; a turn is two messages.", min=1)] = 5,
) -> None:
    """What the inspector costs among so many sessions, on an embedded server of its own."""
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="crosswire-bench-") as scratch,
        closing(connect("embedded", state_dir=Path(scratch), timeout=60)) as client,
        console.status(f"Writing {count:,} sessions") as status,
    ):
        store = SessionStore(client)
        ids = inspector_bench.fill(client, store, count, turns)
        rows = inspector_bench.measure(Inspector(client, store), ids, status.update)
    table = Table("what", "seconds", "commands")
    for row in rows:
        table.add_row(row.what, f"{row.seconds:.4f}", f"{row.commands:,}")
    Console().print(table)
    typer.echo(
        f"{count:,} sessions, {count * turns * 2:,} messages; at most {inspector_bench.memory() / 1e6:,.0f} MB here."
    )


def _socket_url(folder: Path) -> str:
    return f"unix://{EmbeddedServer(folder).address()}"
