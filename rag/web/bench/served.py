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
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import IO, cast
from urllib.error import URLError
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


@dataclass(frozen=True, slots=True)
class _Slice:
    result: Result
    rate: float
    cpu: float
    round_trips: float
    client_cpu: float


class _Load:
    """The process that asks."""

    def __init__(self, process: subprocess.Popen[str], conversations: list[list[str]]) -> None:
        self._jobs, self._results = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        self._conversations = conversations

    def perform(self, party: _Party, clients: int, seconds: float | None = None) -> Result:
        """Raises CrosswireError for a wrong answer: its figures would mean nothing."""
        job = Job(party.name, party.port, clients, self._conversations, party.path, seconds)
        self._jobs.write(json.dumps(asdict(job)) + "\n")
        self._jobs.flush()
        line = self._results.readline()
        if not line:
            raise CrosswireError("The process that asks has ended. Run it again.")
        result = Result(**json.loads(line))
        if result.wrong:
            raise CrosswireError(f"{party.name}: {'; '.join(result.wrong)}")
        return result


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
        load = stack.enter_context(_load(conversations))
        for party in parties:
            progress(f"warming up: {party.name}")
            load.perform(party, 1)
        rows = []
        for count in clients:
            measured: dict[str, list[_Slice]] = {party.name: [] for party in parties}
            for number in range(slices):
                for party in parties:
                    progress(f"{count} clients, slice {number + 1} of {slices}: {party.name}")
                    measured[party.name].append(_slice(load, client, party, count, seconds))
            rows += [_row(count, name, found, measured[FLOOR]) for name, found in measured.items()]
        return rows


def _slice(load: _Load, client: Client, party: _Party, clients: int, seconds: float) -> _Slice:
    cpu, reads = _cpu(party.process), _reads(client)
    result = load.perform(party, clients, seconds)
    turns = max(result.turns, 1)
    asked = _reads(client) - reads - 1  # the one that asks for it
    return _Slice(
        result, result.turns / seconds, (_cpu(party.process) - cpu) / turns, asked / turns, result.cpu / seconds
    )


def _row(clients: int, name: str, slices: Sequence[_Slice], floor: Sequence[_Slice]) -> Row:
    def percentile(which: int) -> float:
        return median(quantiles([*one.result.latencies, 0.0], n=100, method="inclusive")[which - 1] for one in slices)

    return Row(
        clients,
        name,
        median(one.rate for one in slices),
        percentile(50),
        percentile(99),
        median(one.rate / max(other.rate, 1e-9) for one, other in zip(slices, floor, strict=True)),
        median(one.round_trips for one in slices),
        median(one.cpu for one in slices),
        median(one.client_cpu for one in slices),
    )


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
def _load(conversations: list[list[str]]) -> Iterator[_Load]:
    command = [sys.executable, "-P", "-m", "rag.web.bench.load"]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 (our own)
        command, env=child_environment(), text=True, stdin=pipe, stdout=pipe
    ) as process:
        try:
            yield _Load(process, conversations)
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
    except (URLError, OSError):
        return False
