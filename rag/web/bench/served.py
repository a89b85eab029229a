"""`bench served`: the application as `streamlit run app.py` serves it, asked by many browsers at once.

Every party is a process of its own: the application with the offline model, the application with a model server that
answers at once, that server, the floor, and the load. All of them share one embedded Redis. Slices alternate, so that a
machine whose speed drifts slows all of them, and ratios are taken slice by slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median, quantiles

from rag.errors import CrosswireError
from rag.sessions import connect
from rag.sessions.connection.connect import Client
from rag.web.bench.asking import asking_process
from rag.web.bench.floor import LIBRARY
from rag.web.bench.instant import MODEL
from rag.web.bench.load import Job, Result
from rag.web.bench.serving import APP, MODULE, Party, serving

FLOOR, BARE, OFFLINE, INSTANT = "floor", "floor, our search", "offline model", "instant server"
TURNS = 5
"""Questions of a conversation."""


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the slices. `p50` and `p99` in seconds; `cpu`: seconds a turn of the server's processes.

    `round_trips` to Redis a turn, of everybody; `client_cpu`: how much of a core the load took.
    """

    clients: int
    name: str
    rate: float
    p50: float
    p99: float
    of_floor: float
    round_trips: float
    cpu: float
    client_cpu: float


Ask = Callable[[Party, int, float | None], Result]
"""Has so many clients ask a party, for so many seconds; None: each conversation once."""


def run(
    folder: Path,
    questions: Sequence[str],
    *,
    clients: Sequence[int] = (1, 20, 100),
    processes: int = 1,
    slices: int = 5,
    seconds: float = 2.0,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """`folder` is a scratch folder. With more `processes`, floor and application are also served by so many, and each
    client by one of them; ratios are to the floor in one process. First every conversation is held once, alone: that
    says what is right.

    Raises CrosswireError where a server does not start, or an answer is wrong.
    """
    conversations = [list(questions[start : start + TURNS]) for start in range(0, len(questions) - TURNS + 1, TURNS)]
    progress("starting the servers")
    with ExitStack() as stack:
        parties = _start(stack, folder, processes)
        client = stack.enter_context(closing(connect("embedded", state_dir=folder)))
        ask = stack.enter_context(asking(conversations))
        for party in parties:
            progress(f"warming up: {party.name}")
            ask(party, len(party.ports), None)
        rows = []
        for count in clients:
            measured: dict[str, list[Row]] = {party.name: [] for party in parties}
            for number in range(slices):
                for party in parties:  # the floor comes first
                    progress(f"{count} clients, slice {number + 1} of {slices}: {party.name}")
                    row = _slice(ask, client, party, count, seconds)
                    floor = measured[FLOOR][number] if party.name != FLOOR else row
                    measured[party.name].append(replace(row, of_floor=row.rate / max(floor.rate, 1e-9)))
            rows += [_medians(found) for found in measured.values()]
        return rows


def _slice(ask: Ask, client: Client, party: Party, clients: int, seconds: float) -> Row:
    cpu, reads = party.processor_seconds, _reads(client)
    result = ask(party, clients, seconds)
    turns = len(result.latencies)
    if not result.in_time:
        raise CrosswireError(f"{party.name}: no answer within {seconds:g} s. Give it more --seconds.")
    asked = _reads(client) - reads - 1  # the one that asks for it
    percentiles = quantiles([*result.latencies, 0.0], n=100, method="inclusive")
    return Row(
        clients,
        party.name,
        rate=result.in_time / seconds,
        p50=percentiles[49],
        p99=percentiles[98],
        of_floor=1.0,
        round_trips=asked / turns,
        cpu=(party.processor_seconds - cpu) / turns,
        client_cpu=result.cpu / seconds,
    )


def _medians(slices: Sequence[Row]) -> Row:
    _, _, *figures = (field.name for field in fields(Row))
    return replace(slices[0], **{name: median(getattr(one, name) for one in slices) for name in figures})


def _reads(client: Client) -> int:
    """How often the server has read from its clients: what is sent together counts once."""
    return int(client.info("stats")["total_reads_processed"])


def _start(stack: ExitStack, folder: Path, processes: int) -> list[Party]:
    """The floor starts last: it finds the articles that the application has read."""
    model = stack.enter_context(serving(INSTANT, [*MODULE, "rag.web.bench.instant"], folder))
    address = {"OPENAI_BASE_URL": f"http://127.0.0.1:{model.port}/v1", "CHAT_MODEL": MODEL}

    def started(name: str, command: list[str], more: Mapping[str, str] = {}) -> list[Party]:
        first, *others = (stack.enter_context(serving(name, command, folder, more)) for _ in range(processes))
        several = replace(first, name=f"{name}, {processes} processes", others=tuple(others))
        return [first, several] if others else [first]

    served = [*started(OFFLINE, APP), *started(INSTANT, APP, address)]
    floor, *several = started(FLOOR, [*MODULE, "rag.web.bench.floor"])
    return [floor, *several, replace(floor, name=BARE, path=LIBRARY), *served]


@contextmanager
def asking(conversations: list[list[str]]) -> Iterator[Ask]:
    """The process that asks. A wrong answer raises CrosswireError: its figures would mean nothing."""
    with asking_process("rag.web.bench.load") as perform:

        def ask(party: Party, clients: int, seconds: float | None) -> Result:
            job = Job(party.name, party.ports, clients, conversations, party.path, seconds)
            result = Result(**perform(job))
            if result.wrong:
                raise CrosswireError(f"{party.name}: {'; '.join(result.wrong)}")
            return result

        yield ask
