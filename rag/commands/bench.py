"""`python -m rag bench …`: figures measured now, on this machine."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.console import Console

from rag.chat import bench as turn_bench
from rag.chat.evaluation import VERDICTS, answered, held
from rag.chat.offline import OfflineChatModel
from rag.chat.offline.ranking import Ranker
from rag.chat.service import SOURCES
from rag.commands import options
from rag.commands.benchmarks import scaling, stores
from rag.commands.benchmarks.scratch import known_questions, scratch
from rag.commands.options import JsonFile, Rounds, Seconds, Strategy, TableFile, give
from rag.crosstalk.bench import checking as check_bench
from rag.crosstalk.bench import exploring as rates
from rag.crosstalk.bench import memories as memories_bench
from rag.crosstalk.bench import verdicts as verdict_bench
from rag.crosstalk.bench.turns import StrategyTurns
from rag.crosstalk.explore.explorer import temporary_lab
from rag.crosstalk.explore.scenes import MOST_TURNS
from rag.crosstalk.run.comparison import CRITERIA
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import STRATEGIES, Lab
from rag.errors import BadDocument
from rag.garbage import settle
from rag.inspector import Inspector
from rag.inspector import bench as inspector_bench
from rag.knowledge import Library, open_library
from rag.knowledge.embedding.embedders import make_embedder
from rag.knowledge.search.evaluation import Figures, evaluate, figures, read_questions
from rag.resources import QUESTIONS
from rag.sessions import SessionStore, connect
from rag.sessions import bench as store_bench
from rag.sessions.embedded.server import EmbeddedServer
from rag.settings import Settings, load
from rag.web.bench import overload as overload_bench
from rag.web.bench import pages as pages_bench
from rag.web.bench import room as room_bench
from rag.web.bench import served as served_bench

app = typer.Typer(
    help="Run the benchmarks on this machine.",
    no_args_is_help=True,
    add_completion=False,
)


def _settings(folder: Path) -> Settings:
    """The user's, but for where everything is kept."""
    return load().model_copy(update={"state_dir": folder, "chroma_url": "embedded"})


@app.command("retrieval")
def retrieval(
    questions: Annotated[
        Path,
        typer.Option(metavar="FILE", help="JSON Lines: question, article, also, part.", show_default="ours"),
    ] = QUESTIONS,
    misses: Annotated[bool, typer.Option("--misses", help="List the questions whose article was not found.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Recall@4 and mean reciprocal rank over known questions, in a library made fresh from the articles."""
    if not questions.is_file():
        raise BadDocument(str(questions), "there is no such file", "Name a file with --questions.")
    with (
        scratch("Reading the articles") as (folder, _),
        closing(open_library(settings := _settings(folder))) as library,
    ):
        library.add([settings.knowledge_dir])
        outcomes = evaluate(library, read_questions(questions))
    heads = ("part", "half", "questions", "recall@4", "MRR", "taken as covered")
    missed = [one for one in outcomes if one.question.articles and not one.recalled] if misses else []
    notes = [f"{one.question.part}: {one.question.text} -> {', '.join(one.found)}" for one in missed]
    rows = figures(outcomes)
    more = {"misses": [asdict(one) | {"question": one.question.text} for one in missed]} if misses else {}
    give(json_file, rows, heads, map(_retrieved, rows), notes, **more)


def _retrieved(row: Figures) -> list[str]:
    known = row.part != "unanswerable"
    recall, mrr = (f"{row.recall:.3f}", f"{row.mrr:.3f}") if known else ("-", "-")
    return [row.part, row.half, str(row.questions), recall, mrr, f"{row.covered:.2f}"]


@app.command("answers")
def answers(
    folder: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="With questions*.jsonl and dialogues*.jsonl.", show_default="ours"),
    ] = QUESTIONS.parent,
    json_file: JsonFile = None,
) -> None:
    """What the offline model makes of known questions and dialogues: right, wrong, refused; and its time."""
    rows: list[dict[str, Any]] = []
    dialogues: list[dict[str, Any]] = []
    heads = ("file", "half", "language", "part", *VERDICTS)
    with scratch("Reading the articles") as (kept, told):
        settings = _settings(kept)
        embedder = make_embedder(settings)
        with closing(open_library(settings, embedder)) as library:
            library.add([settings.knowledge_dir])
            model = OfflineChatModel(ranker=Ranker(embedder))
            for path in (folder / "questions.jsonl", folder / "questions-c.jsonl"):
                told(path.stem)
                answered(model, library, path)  # passages are made ready once, whoever asks
                begun = perf_counter()
                counts = answered(model, library, path)
                each = (perf_counter() - begun) / counts.total()
                for key in sorted({key[:3] for key in counts}):
                    values = (path.stem, *key, *(counts[*key, verdict] for verdict in VERDICTS))
                    rows.append({**dict(zip(heads, values, strict=True)), "seconds": each})
            for paths in ([folder / "dialogues-a.jsonl", folder / "dialogues-b.jsonl"], [folder / "dialogues-c.jsonl"]):
                outcomes = held(model, library, paths)
                whole = sum(not outcome.complaints for outcome in outcomes)
                recalled, recalls = (sum(getattr(one, name) for one in outcomes) for name in ("recalled", "recalls"))
                names = [path.stem for path in paths]
                found = {"files": names, "dialogues": len(outcomes), "as_expected": whole}
                dialogues.append({**found, "recalls": recalls, "recalled": recalled})
    notes = [
        f"{' and '.join(one['files'])}: {one['as_expected']} of {one['dialogues']} dialogues as expected; "
        f"{one['recalled']} of {one['recalls']} recalls of what was stated"
        for one in dialogues
    ]
    cells = ([*(str(row[head]) for head in heads), f"{1000 * row['seconds']:.2f}"] for row in rows)
    give(json_file, rows, (*heads, "ms a turn"), cells, notes, dialogues=dialogues)


@app.command("store")
def store(
    seconds: Seconds = 0.4,
    rounds: Rounds = 5,
    quick: Annotated[bool, typer.Option("--quick", help="Only one thread, and a history of 40 messages.")] = False,
    devices: Annotated[
        bool, typer.Option("--devices", help="The store without each of its devices for speed, not others.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Turns a second on an embedded server of its own, against the bytes-only limit and what others use."""
    settings = [(1, 40)] if quick else store_bench.SETTINGS
    with scratch() as (folder, told), closing(connect("embedded", state_dir=folder, max_connections=128)) as client:
        parties = store_bench.contenders(client, _socket_url(folder), folder)
        if devices:
            parties = [*parties[:2], *store_bench.ablations(client)]
        rows = list(store_bench.run(parties, settings, slices=rounds, seconds=seconds, progress=told))
    cells = ((str(row.threads), str(row.messages), row.name, f"{row.rate:,.0f}", f"{row.ratio:.2f}") for row in rows)
    give(json_file, rows, ("threads", "messages", "contender", "turns/s", "of the limit"), cells)


@app.command("turn")
def turn(
    users: Annotated[int, options.users(1, 100)] = 100,
    turns: Annotated[int, options.turns(1)] = 3,
    rounds: Rounds = 5,
    json_file: JsonFile = None,
) -> None:
    """A whole turn with a model that answers at once, against the least it can cost and a plain LangChain build."""
    with (
        scratch("Reading the articles") as (folder, told),
        closing(connect("embedded", state_dir=folder, max_connections=128)) as client,
        Lab(folder, state_dir=folder) as lab,
        turn_bench.contenders(
            client, _socket_url(folder), _settings(folder), lambda library: [_redis_turn(lab, library)]
        ) as parties,
    ):
        settle()  # as the app does when it has started
        rows = turn_bench.run(parties, known_questions(), users=users, turns=turns, slices=rounds, progress=told)
    cells = ((row.name, f"{row.rate:,.0f}", f"{row.of_floor:.2f}", f"{row.of_plain:.2f}") for row in rows)
    give(json_file, rows, ("contender", "turns/s", "of the floor", "times plain LangChain"), cells)


@app.command("served")
def served(
    clients: Annotated[list[int] | None, typer.Option(help="Browsers at once. Repeatable.", min=1)] = None,
    processes: Annotated[int, typer.Option(help="Server processes that turns are spread over.", min=1, max=16)] = 1,
    rounds: Rounds = 5,
    seconds: Seconds = 2.0,
    json_file: JsonFile = None,
) -> None:
    """Turns as `streamlit run app.py` serves them, over HTTP, against a bare route that searches and stores.

    trips: to Redis a turn. CPU ms: of the server a turn. load: how much of a core the clients took.
    """
    with scratch() as (folder, told):
        rows = served_bench.run(
            folder,
            known_questions(),
            clients=clients or (1, 20, 100),
            processes=processes,
            slices=rounds,
            seconds=seconds,
            progress=told,
        )
    heads = ("clients", "contender", "turns/s", "p50 ms", "p99 ms", "of the floor", "Redis trips", "CPU ms", "load")
    give(json_file, rows, heads, map(_served, rows))


def _served(row: served_bench.Row) -> list[str]:
    times = f"{row.rate:,.0f}", f"{row.p50 * 1e3:,.1f}", f"{row.p99 * 1e3:,.1f}", f"{row.of_floor:.2f}"
    costs = f"{row.round_trips:.1f}", f"{row.cpu * 1e3:.1f}", f"{row.client_cpu:.0%}"
    return [str(row.clients), row.name, *times, *costs]


@app.command("overload")
def overload(
    clients: Annotated[
        int, typer.Option("--browsers", help="Browsers, each with a cookie jar: at least this many.", min=1, max=1000)
    ] = 200,
    wait: Annotated[
        float, typer.Option(help="LIMIT_WAIT_SECONDS of the application.", min=0, max=60)
    ] = overload_bench.WAIT,
    seconds: Seconds = 8.0,
    json_file: JsonFile = None,
) -> None:
    """The application under half of what it can answer, all of it, and twice as much: who is answered, who is told to
    come back, and how soon.
    """
    with scratch() as (folder, told):
        rows = overload_bench.run(folder, known_questions(), clients=clients, wait=wait, seconds=seconds, progress=told)
    heads = ("load", "browsers", "asked/s", "answered/s", "p50 ms", "p99 ms", "refused", "its p50 ms", "its p99 ms")
    give(json_file, rows, heads, map(_overloaded, rows))


def _overloaded(row: overload_bench.Row) -> list[str]:
    told = (f"{row.refused_p50 * 1e3:,.0f}", f"{row.refused_p99 * 1e3:,.0f}") if row.refused else ("-", "-")
    times = f"{row.p50 * 1e3:,.0f}", f"{row.p99 * 1e3:,.0f}"
    return [
        f"{row.load:g}",
        f"{row.browsers:,}",
        f"{row.asked:,.0f}",
        f"{row.answered:,.0f}",
        *times,
        f"{row.refused:.0%}",
        *told,
    ]


@app.command("room")
def room(
    phones: Annotated[int, typer.Option(help="Phones in the room.", min=2, max=60)] = 40,
    seconds: Annotated[float, typer.Option(help="Length of each measurement.", min=1)] = 10.0,
    json_file: JsonFile = None,
) -> None:
    """A room full of phones and its wall, over HTTP: from a question to its answer, and to the wall. The model takes
    0.3 s of it. CPU: of one core, of the server."""
    with scratch() as (folder, told):
        rows = room_bench.run(folder, phones=phones, seconds=seconds, model=0.3, progress=told)
    heads = ("what", "phones", "times", "p50 s", "p95 s", "most s", "CPU")
    give(json_file, rows, heads, map(_in_the_room, rows))


def _in_the_room(row: room_bench.Row) -> list[str]:
    times = (f"{value:.3f}" for value in (row.p50, row.p95, row.most))
    return [row.what, str(row.phones), str(row.count), *times, "-" if row.cpu is None else f"{row.cpu:.0%}"]


def _redis_turn(lab: Lab, library: Library) -> turn_bench.Contender:
    turns = StrategyTurns("redis-turn", lab, library.search, turn_bench.ANSWER, SOURCES)
    return turn_bench.Contender(turns.name, turns.turn, turns.stored, turns.delete)


@app.command("check")
def check(
    events: Annotated[int, typer.Option(help="Of the log of a service that does everything right.", min=1000)] = 10**6,
    json_file: JsonFile = None,
) -> None:
    """How fast an operation log is checked, and in how much memory: whole turns, and one memory for everybody."""
    with scratch() as (folder, told):
        rows = list(check_bench.run(events, folder, told))
    give(json_file, rows, ("log", "events", "MB", "seconds", "events/s", "peak MB", "anomalies"), map(_checked, rows))


def _checked(row: check_bench.Checked) -> list[str]:
    cost = f"{row.size / 1e6:,.0f}", f"{row.seconds:.1f}", f"{row.rate:,.0f}", f"{row.memory / 1e6:,.0f}"
    return [row.what, f"{row.events:,}", *cost, f"{row.found:,}" if row.found else row.verdict]


@app.command("verdict")
def verdict(
    strategy: Strategy = None,
    users: Annotated[int, options.users(1, 1000)] = 100,
    turns: Annotated[int, options.turns(2, 100)] = 3,
    rounds: Rounds = 3,
    json_file: JsonFile = None,
) -> None:
    """Seconds from the last turn of a run to its verdict, and to its whole report. Of one memory, or of all of them."""
    workload = Workload(users=users, turns=turns, latency="0.01~0.5", arrival="ramp:0.5", seed=7)
    with temporary_lab() as lab, Console(stderr=True).status("") as status:
        names = [strategy] if strategy else list(STRATEGIES)
        rows = list(verdict_bench.run(names, workload, lab, rounds, status.update))
    heads = ("memory", "verdict", "slowest", "report", "anomalies", "shown others' data")
    give(json_file, rows, heads, map(_stood, rows))


@app.command("pages")
def pages(seconds: Seconds = 20.0, json_file: JsonFile = None) -> None:
    """Seconds until a page is drawn whole: while nothing else happens, and while a run of 100 users goes on."""
    with scratch() as (folder, told):
        rows = list(pages_bench.run(folder, seconds, told))
    cells = ((row.what, f"{row.pages}", f"{row.p50:.2f}", f"{row.p95:.2f}", row.slowest, f"{row.runs}") for row in rows)
    give(json_file, rows, ("server", "pages", "p50 s", "p95 s", "slowest page", "runs"), cells)


@app.command("memories")
def memories(
    strategy: Strategy = None,
    file: TableFile = None,
    json_file: JsonFile = None,
) -> None:
    """Which memory should I use? Each through four scenes: users, tabs, processes, a restart."""
    with temporary_lab() as lab, Console(stderr=True).status("") as status:
        rows = list(memories_bench.run([strategy] if strategy else list(STRATEGIES), lab, status.update))
    content = memories_bench.content(rows)
    if file is not None:
        file.write_text(json.dumps(content), encoding="utf-8")
    cells = [[row.name, *(_ANSWERS[row.answers[one]] for one in CRITERIA), f"{row.rate:,.0f}"] for row in rows]
    give(json_file, rows, ("memory", *CRITERIA, "turns/s"), cells)


_ANSWERS = {True: "yes", False: "no", None: "-"}


def _stood(row: verdict_bench.Row) -> list[str]:
    times = (f"{seconds:.2f}" for seconds in (row.verdict, row.slowest, row.report))
    return [row.strategy, *times, f"{row.found:,}", f"{row.shown:,}"]


@app.command("explore")
def explore(
    strategy: Strategy = None,
    turns: Annotated[int, options.turns(1, MOST_TURNS)] = 2,
    rounds: Rounds = 3,
    json_file: JsonFile = None,
) -> None:
    """Schedules a second: every interleaving of two users, of two tabs, and of three users with a turn each.

    Of one in-memory strategy, or of all of them.
    """
    with temporary_lab() as lab, Console(stderr=True).status("") as status:
        names = [strategy] if strategy else rates.names()
        rows = list(rates.measure(names, turns, lab, rounds, status.update))
    give(json_file, rows, ("strategy", "scene", "explored", "schedules", "seconds", "schedules/s"), map(_rate, rows))


def _rate(row: rates.Rate) -> list[str]:
    cost = f"{row.schedules:,}", f"{row.seconds:.3f}", f"{row.a_second:,.0f}"
    return [row.strategy, f"{row.scene.people} × {row.scene.turns}", row.explored, *cost]


@app.command("sessions")
def sessions(
    count: Annotated[int, typer.Option("--sessions", help="How many are generated.", min=100)] = 10_000,
    turns: Annotated[int, options.turns(1)] = 5,
    json_file: JsonFile = None,
) -> None:
    """What the inspector costs among so many sessions, on an embedded server of its own."""
    with (
        scratch(f"Writing {count:,} sessions") as (folder, told),
        closing(connect("embedded", state_dir=folder, timeout=60)) as client,
    ):
        store = SessionStore(client)
        ids = inspector_bench.fill(client, store, count, turns)
        rows = inspector_bench.measure(Inspector(client, store), ids, told)
    cells = ((row.what, f"{row.seconds:.4f}", f"{row.commands:,}") for row in rows)
    messages, memory = count * turns * 2, inspector_bench.memory()
    notes = [f"{count:,} sessions, {messages:,} messages; at most {memory / 1e6:,.0f} MB here."]
    more = {"sessions": count, "messages": messages, "memory": memory}
    give(json_file, rows, ("what", "seconds", "commands"), cells, notes, **more)


app.command("scale")(scaling.scale)
app.command("stores")(stores.stores)


def _socket_url(folder: Path) -> str:
    return f"unix://{EmbeddedServer(folder).address()}"
