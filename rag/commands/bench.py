"""`python -m rag bench …`: figures measured now, on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
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
from rag.settings import Settings, load
from rag.web.bench import served as served_bench

app = typer.Typer(
    help="Run the benchmarks on this machine.",
    no_args_is_help=True,
    add_completion=False,
)


@contextmanager
def _scratch(doing: str = "") -> Iterator[tuple[Path, Callable[[str], None]]]:
    """A folder for as long as it is measured, and how to say what is being done."""
    with (
        tempfile.TemporaryDirectory(prefix="crosswire-bench-") as folder,
        Console(stderr=True).status(doing) as status,
    ):
        yield Path(folder), status.update


def _settings(folder: Path) -> Settings:
    """The user's, but for where everything is kept."""
    return load().model_copy(update={"state_dir": folder, "chroma_url": "embedded"})


def _known_questions() -> list[str]:
    return [question.text for question in read_questions(QUESTIONS)]


def _print(heads: Iterable[str], rows: Iterable[Sequence[str]], json_file: Path | None = None) -> None:
    # No blanks beside the lines, and nothing wrapped but heads: so that 80 columns are enough.
    table = Table(*(Column(head, no_wrap=" " not in head) for head in heads), padding=0)
    for row in rows:
        table.add_row(*row)
    console(json_file).print(table)


@app.command("retrieval")
def retrieval(
    questions: Annotated[Path, typer.Option(help="JSON Lines: question, article, also, part.")] = QUESTIONS,
    misses: Annotated[bool, typer.Option(help="List the questions whose article was not found.")] = False,
) -> None:
    """Recall@4 and mean reciprocal rank over known questions, in a library made fresh from the articles."""
    if not questions.is_file():
        raise BadDocument(str(questions), "there is no such file", "Name a file with --questions.")
    with (
        _scratch("Reading the articles") as (folder, _),
        closing(open_library(settings := _settings(folder))) as library,
    ):
        library.add([settings.knowledge_dir])
        outcomes = evaluate(library, read_questions(questions))
    heads = ("part", "half", "questions", "recall@4", "MRR", "taken as covered")
    _print(heads, map(_retrieved, figures(outcomes)))
    if misses:
        for outcome in outcomes:
            if outcome.question.articles and not outcome.recalled:
                typer.echo(f"{outcome.question.part}: {outcome.question.text} -> {', '.join(outcome.found)}")


def _retrieved(row: Figures) -> list[str]:
    known = row.part != "unanswerable"
    recall, mrr = (f"{row.recall:.3f}", f"{row.mrr:.3f}") if known else ("-", "-")
    return [row.part, row.half, str(row.questions), recall, mrr, f"{row.covered:.2f}"]


@app.command("answers")
def answers(
    folder: Annotated[Path, typer.Option(help="Folder with questions*.jsonl and dialogues*.jsonl.")] = QUESTIONS.parent,
) -> None:
    """What the offline model makes of known questions and dialogues: right, wrong, refused; and its time."""
    rows, dialogues = [], []
    with _scratch("Reading the articles") as (scratch, told):
        settings = _settings(scratch)
        embedder = make_embedder(settings)
        with closing(open_library(settings, embedder)) as library:
            library.add([settings.knowledge_dir])
            model = OfflineChatModel(ranker=Ranker(embedder))
            for path in (folder / "questions.jsonl", folder / "questions-c.jsonl"):
                told(path.stem)
                answered(model, library, path)  # passages are made ready once, whoever asks
                begun = perf_counter()
                counts = answered(model, library, path)
                each = f"{1000 * (perf_counter() - begun) / counts.total():.2f}"
                for key in sorted({key[:3] for key in counts}):
                    rows.append([path.stem, *key, *(str(counts[*key, verdict]) for verdict in VERDICTS), each])
            for paths in ([folder / "dialogues-a.jsonl", folder / "dialogues-b.jsonl"], [folder / "dialogues-c.jsonl"]):
                outcomes = held(model, library, paths)
                whole = sum(not outcome.complaints for outcome in outcomes)
                recalled, recalls = (sum(getattr(one, name) for one in outcomes) for name in ("recalled", "recalls"))
                dialogues.append(
                    f"{' and '.join(path.stem for path in paths)}: {whole} of {len(outcomes)} dialogues as expected; "
                    f"{recalled} of {recalls} recalls of what was stated"
                )
    _print(("file", "half", "language", "part", *VERDICTS, "ms a turn"), rows)
    typer.echo("\n".join(dialogues))


@app.command("store")
def store(
    seconds: Annotated[float, typer.Option(help="Length of each measured slice.")] = 0.4,
    slices: Annotated[int, typer.Option(help="Slices a contender and setting; medians are shown.", min=1)] = 5,
    full: Annotated[bool, typer.Option(help="Also 100 threads, and histories of 0 and 1000 messages.")] = True,
    devices: Annotated[bool, typer.Option(help="The store without each of its devices for speed, not others.")] = False,
) -> None:
    """Turns a second on an embedded server of its own, against the bytes-only limit and what others use."""
    settings = store_bench.SETTINGS if full else [(1, 40)]
    with _scratch() as (folder, told), closing(connect("embedded", state_dir=folder, max_connections=128)) as client:
        parties = store_bench.contenders(client, _socket_url(folder), folder)
        if devices:
            parties = [*parties[:2], *store_bench.ablations(client)]
        rows = store_bench.run(parties, settings, slices=slices, seconds=seconds, progress=told)
        cells = [
            (str(row.threads), str(row.messages), row.name, f"{row.rate:,.0f}", f"{row.ratio:.2f}") for row in rows
        ]
    _print(("threads", "messages", "contender", "turns/s", "of the limit"), cells)


@app.command("turn")
def turn(
    users: Annotated[int, typer.Option(help="All ask at once, each in a thread of its own.", min=1, max=100)] = 100,
    turns: Annotated[int, typer.Option(help="Questions of each user in a slice.", min=1)] = 3,
    slices: Annotated[int, typer.Option(help="Measured slices a contender; medians are shown.", min=1)] = 5,
) -> None:
    """A whole turn with a model that answers at once, against the least it can cost and a plain LangChain build."""
    with (
        _scratch("Reading the articles") as (folder, told),
        closing(connect("embedded", state_dir=folder, max_connections=128)) as client,
        Lab(folder, state_dir=folder) as lab,
        turn_bench.contenders(
            client, _socket_url(folder), _settings(folder), lambda library: [_redis_turn(lab, library)]
        ) as parties,
    ):
        settle()  # as the app does when it has started
        rows = turn_bench.run(parties, _known_questions(), users=users, turns=turns, slices=slices, progress=told)
    cells = ((row.name, f"{row.rate:,.0f}", f"{row.of_floor:.2f}", f"{row.of_plain:.2f}") for row in rows)
    _print(("contender", "turns/s", "of the floor", "times plain LangChain"), cells)


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
    with _scratch() as (folder, told):
        rows = served_bench.run(
            folder,
            _known_questions(),
            clients=clients or (1, 20, 100),
            slices=slices,
            seconds=seconds,
            progress=told,
        )
    heads = ("clients", "contender", "turns/s", "p50 ms", "p99 ms", "of the floor", "Redis trips", "CPU ms", "load")
    _print(heads, map(_served, rows), json_file)
    write_json(json_file, [asdict(row) for row in rows])


def _served(row: served_bench.Row) -> list[str]:
    times = f"{row.rate:,.0f}", f"{row.p50 * 1e3:,.1f}", f"{row.p99 * 1e3:,.1f}", f"{row.of_floor:.2f}"
    costs = f"{row.round_trips:.1f}", f"{row.cpu * 1e3:.1f}", f"{row.client_cpu:.0%}"
    return [str(row.clients), row.name, *times, *costs]


def _redis_turn(lab: Lab, library: Library) -> turn_bench.Contender:
    turns = StrategyTurns("redis-turn", lab, library.search, turn_bench.ANSWER, SOURCES)
    return turn_bench.Contender(turns.name, turns.turn, turns.stored, turns.delete)


@app.command("check")
def check(
    events: Annotated[int, typer.Option(help="Of the log of a service that does everything right.", min=1000)] = 10**6,
) -> None:
    """How fast an operation log is checked, and in how much memory: whole turns, and one memory for everybody."""
    rows = []
    with _scratch() as (folder, told):
        for row in check_bench.run(events, folder, told):
            found = f"{row.found:,}" if row.found else row.verdict
            cost = f"{row.size / 1e6:,.0f}", f"{row.seconds:.1f}", f"{row.rate:,.0f}", f"{row.memory / 1e6:,.0f}"
            rows.append([row.what, f"{row.events:,}", *cost, found])
    _print(("log", "events", "MB", "seconds", "events/s", "peak MB", "anomalies"), rows)


@app.command("explore")
def explore(
    strategy: Annotated[str | None, typer.Option(help="One in-memory strategy; left out: all of them.")] = None,
    turns: Annotated[int, typer.Option(help="Of each of two users or tabs.", min=1, max=4)] = 2,
    rounds: Annotated[int, typer.Option(help="Medians of so many are shown.", min=1)] = 3,
) -> None:
    """Schedules a second: every interleaving of two users, of two tabs, and of three users with a turn each."""
    rows = []
    with temporary_lab() as lab, Console(stderr=True).status("") as status:
        for row in rates.measure([strategy] if strategy else rates.names(), turns, lab, rounds, status.update):
            scene = f"{row.scene.people} × {row.scene.turns}"
            cost = f"{row.schedules:,}", f"{row.seconds:.3f}", f"{row.a_second:,.0f}"
            rows.append([row.strategy, scene, row.explored, *cost])
    _print(("strategy", "scene", "explored", "schedules", "seconds", "schedules/s"), rows)


@app.command("sessions")
def sessions(
    count: Annotated[int, typer.Option("--sessions", help="How many are generated.", min=100)] = 10_000,
    turns: Annotated[int, typer.Option(help="Turns of each; a turn is two messages.", min=1)] = 5,
) -> None:
    """What the inspector costs among so many sessions, on an embedded server of its own."""
    with (
        _scratch(f"Writing {count:,} sessions") as (folder, told),
        closing(connect("embedded", state_dir=folder, timeout=60)) as client,
    ):
        store = SessionStore(client)
        ids = inspector_bench.fill(client, store, count, turns)
        rows = inspector_bench.measure(Inspector(client, store), ids, told)
    _print(("what", "seconds", "commands"), ((row.what, f"{row.seconds:.4f}", f"{row.commands:,}") for row in rows))
    typer.echo(
        f"{count:,} sessions, {count * turns * 2:,} messages; at most {inspector_bench.memory() / 1e6:,.0f} MB here."
    )


def _socket_url(folder: Path) -> str:
    return f"unix://{EmbeddedServer(folder).address()}"
