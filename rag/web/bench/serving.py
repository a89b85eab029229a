"""The servers of a benchmark: each a process of its own, on a free port, until the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil

from rag.errors import CrosswireError
from rag.resources import child_environment
from rag.settings import Settings
from rag.web.bench.servers import free_port

MODULE = [sys.executable, "-P", "-m"]
APP = [*MODULE, "rag", "run", "--port"]
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Party:
    name: str
    port: int
    process: psutil.Process
    path: str = "/api/chat"
    others: tuple[Party, ...] = ()
    """Further processes that serve the same."""

    @property
    def ports(self) -> list[int]:
        return [self.port, *(other.port for other in self.others)]

    @property
    def processor_seconds(self) -> float:
        """Of all its processes."""
        return sum(processor_seconds(one.process) for one in (self, *self.others))


@contextmanager
def serving(name: str, command: list[str], folder: Path, more: Mapping[str, str] = {}) -> Iterator[Party]:
    """A server, from when it answers until the end. Of this process's settings it gets none: it has its limits, and a
    turn pays for them. But nobody is told that it is busy, if `more` does not say so: who waits longer waits longer."""
    port = free_port()
    others = {key: value for key, value in child_environment().items() if key.lower() not in Settings.model_fields}
    log = folder / f"{name.replace(' ', '-')}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (our own)
            [*command, str(port)],
            cwd=folder,
            env={**others, "LIMIT_WAIT_SECONDS": "0", "STATE_DIR": str(folder), **more},
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
        yield Party(name, port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
