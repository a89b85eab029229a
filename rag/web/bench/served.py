"""`bench served`: the application as `streamlit run app.py` serves it, asked by many browsers at once.

Every party is a process of its own: the application with the offline model, the application with a model server that
answers at once, that server, the floor, and the load. All of them share one embedded Redis. Slices alternate, so that a
machine whose speed drifts slows all of them, and ratios are taken slice by slice.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median, quantiles
from typing import IO, cast
from urllib.request import urlopen

import psutil

from rag.errors import CrosswireError
from rag.resources import child_environment
from rag.sessions import connect
from rag.sessions.connection.connect import Client
from rag.settings import Settings
from rag.web.bench.floor import LIBRARY
from rag.web.bench.instant import MODEL
from rag.web.bench.load import Job, Result

FLOOR, BARE, OFFLINE, INSTANT = "floor", "floor, our search", "offline model", "instant server"
TURNS = 5
"""Questions of a conversation."""

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the slices. `p50` and `p99` in seconds; `cpu`: seconds a turn of the server's process.

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


@dataclass(frozen=True, slots=True)
class _Party:
    name: str
    port: int
    process: psutil.Process
    path: str = "/api/chat"


Ask = Callable[[_Party, int, float | None], Result]
"""Has so many clients ask a party, for so many seconds; None: each conversation once."""


def run(
    folder: Path,
    questions: Sequence[str],
    *,
    clients: Sequence[int] = (1, 20, 100),
    slices: int = 5,
    seconds: float = 2.0,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """`folder` is a scratch folder. First every conversation is held once, alone: that says what is right.

    Raises CrosswireError where a server does not start, or an answer is wrong.
    """
    conversations = [list(questions[start : start + TURNS]) for start in range(0, len(questions) - TURNS + 1, TURNS)]
    progress("starting the servers")
    with ExitStack() as stack:
        parties = _start(stack, folder)
        client = stack.enter_context(closing(connect("embedded", state_dir=folder)))
        ask = stack.enter_context(_asking(conversations))
        for party in parties:
            progress(f"warming up: {party.name}")
            ask(party, 1, None)
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


def _slice(ask: Ask, client: Client, party: _Party, clients: int, seconds: float) -> Row:
    cpu, reads = _cpu(party.process), _reads(client)
    result = ask(party, clients, seconds)
    turns = max(result.turns, 1)
    asked = _reads(client) - reads - 1  # the one that asks for it
    percentiles = quantiles([*result.latencies, 0.0], n=100, method="inclusive")
    return Row(
        clients,
        party.name,
        rate=result.turns / seconds,
        p50=percentiles[49],
        p99=percentiles[98],
        of_floor=1.0,
        round_trips=asked / turns,
        cpu=(_cpu(party.process) - cpu) / turns,
        client_cpu=result.cpu / seconds,
    )


def _medians(slices: Sequence[Row]) -> Row:
    _, _, *figures = (field.name for field in fields(Row))
    return replace(slices[0], **{name: median(getattr(one, name) for one in slices) for name in figures})


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _reads(client: Client) -> int:
    """How often the server has read from its clients: what is sent together counts once."""
    return int(client.info("stats")["total_reads_processed"])


def _start(stack: ExitStack, folder: Path) -> list[_Party]:
    """The floor comes last: it finds the articles that the application has read."""
    module = [sys.executable, "-P", "-m"]
    app = [*module, "rag", "run", "--port"]
    model = stack.enter_context(_serving(INSTANT, [*module, "rag.web.bench.instant"], folder))
    address = {"OPENAI_BASE_URL": f"http://127.0.0.1:{model.port}/v1", "CHAT_MODEL": MODEL}
    served = [
        stack.enter_context(_serving(OFFLINE, app, folder)),
        stack.enter_context(_serving(INSTANT, app, folder, address)),
    ]
    floor = stack.enter_context(_serving(FLOOR, [*module, "rag.web.bench.floor"], folder))
    return [floor, _Party(BARE, floor.port, floor.process, LIBRARY), *served]


@contextmanager
def _serving(name: str, command: list[str], folder: Path, more: Mapping[str, str] = {}) -> Iterator[_Party]:
    """A server, from when it answers until the end. Of this process's settings it gets none."""
    port = _free_port()
    others = {key: value for key, value in child_environment().items() if key.lower() not in Settings.model_fields}
    log = folder / f"{name.replace(' ', '-')}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (our own)
            [*command, str(port)],
            cwd=folder,
            env={**others, "STATE_DIR": str(folder), **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().rpartition("\n")[2]
                raise CrosswireError(f"The server for {name} did not start: {last[:300]}")
            time.sleep(0.1)
        yield _Party(name, port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _asking(conversations: list[list[str]]) -> Iterator[Ask]:
    """The process that asks. A wrong answer raises CrosswireError: its figures would mean nothing."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "rag.web.bench.load"],
        env=child_environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        jobs, results = cast(IO[str], process.stdin), cast(IO[str], process.stdout)

        def ask(party: _Party, clients: int, seconds: float | None) -> Result:
            job = Job(party.name, party.port, clients, conversations, party.path, seconds)
            jobs.write(json.dumps(asdict(job)) + "\n")
            jobs.flush()
            line = results.readline()
            if not line:
                raise CrosswireError("The process that asks has ended. Run it again.")
            result = Result(**json.loads(line))
            if result.wrong:
                raise CrosswireError(f"{party.name}: {'; '.join(result.wrong)}")
            return result

        try:
            yield ask
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
