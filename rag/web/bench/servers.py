"""Real databases for a benchmark: each on a free loopback port, in a folder of its own, stopped by its own handle.

A program that is not installed raises NotInstalled, one line that says what to install.
"""

from __future__ import annotations

import itertools
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from rag.errors import CrosswireError

SECONDS = 60.0
"""For a server to start."""


class NotInstalled(CrosswireError):
    """A program or package that only this part of a benchmark needs."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(f"{what} is not installed, so it is left out: {todo}")


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    process: psutil.Process

    @property
    def cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def program(package: str, *names: str) -> str:
    """The path of the first of these that is installed, in PATH or where Debian puts it. Raises NotInstalled."""
    for name in names:
        debian = [f"/usr/sbin/{name}", *sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))]
        for path in (shutil.which(name), *debian):
            if path and Path(path).exists():
                return path
    raise NotInstalled(names[0], f"apt-get install {package}")


def free_port() -> int:
    """That nobody listens on, nor on the one 10000 above it, which is a cluster's second one."""
    while True:
        with socket.socket() as probe, socket.socket() as bus, suppress(OSError):
            probe.bind(("127.0.0.1", 0))
            if (port := int(probe.getsockname()[1])) < 55_000:
                bus.bind(("127.0.0.1", port + 10_000))
                return port


@contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    port: int,
    ready: Callable[[], bool],
    *,
    stop: int = signal.SIGTERM,
    **more: Any,
) -> Iterator[Server]:
    """From when it is ready until the end. Raises CrosswireError with its last line if it is not within a minute."""
    log = folder / f"log-{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (a program that was found by its name)
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **more
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not _true(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().rpartition("\n")[2]
                raise CrosswireError(f"{Path(command[0]).name} did not start: {last[:300]}")
            time.sleep(0.05)
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(stop)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _true(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except (redis.RedisError, OSError):
        return False


def plain(port: int) -> redis.Redis:
    """A client that never repeats a command."""
    return redis.Redis(port=port, retry=Retry(NoBackoff(), 0), protocol=2)


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[Server]:
    """Debian's defaults for persistence are not ours: its append-only file is written, and flushed each second."""
    port = free_port()
    home = folder / f"redis-{port}"
    home.mkdir()
    keep = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0")
    command = [program("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
    with plain(port) as client, running([*command, *keep, *options], home, port, lambda: bool(client.ping())) as server:
        yield server


@contextmanager
def cluster(folder: Path, masters: int, *, replica: bool = False) -> Iterator[list[Server]]:
    """Masters that share the slots evenly. replica: one more server, which follows the first of them."""
    mode = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
    with ExitStack() as stack:
        servers = [stack.enter_context(redis_server(folder, *mode)) for _ in range(masters)]
        bounds = [16_384 * number // masters for number in range(masters + 1)]
        for number, (server, (first, after)) in enumerate(zip(servers, itertools.pairwise(bounds), strict=True), 1):
            with plain(server.port) as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number)
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)
        deadline = time.monotonic() + SECONDS
        while not all(_formed(server, masters) for server in servers):
            if time.monotonic() > deadline:
                raise CrosswireError(f"A cluster of {masters} masters did not form within {SECONDS:.0f} s.")
            time.sleep(0.05)
        if replica:
            servers.append(stack.enter_context(redis_server(folder, *mode)))
            _follow(servers[0], servers[-1])
        yield servers


def _follow(master: Server, replica: Server) -> None:
    with plain(master.port) as above, plain(replica.port) as below:
        below.execute_command("CLUSTER", "MEET", "127.0.0.1", master.port)
        name = above.execute_command("CLUSTER", "MYID")

        def follows() -> bool:
            if below.info("replication")["role"] != "slave":
                below.execute_command("CLUSTER", "REPLICATE", name)
            slots: list[Any] = above.execute_command("CLUSTER", "SLOTS")
            told = all(len(one) > 3 for one in slots if one[2][1] == master.port)
            return told and below.info("replication")["master_link_status"] == "up"

        deadline = time.monotonic() + SECONDS
        while not _true(follows):
            if time.monotonic() > deadline:
                raise CrosswireError(f"A replica was not ready within {SECONDS:.0f} s.")
            time.sleep(0.05)


def cluster_url(servers: Sequence[Server]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers)


def _formed(server: Server, masters: int) -> bool:
    with plain(server.port) as client:
        info = bytes(client.execute_command("CLUSTER", "INFO", NEVER_DECODE=True))
    fields = dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)
    return fields[b"cluster_state"] == b"ok" and int(fields[b"cluster_known_nodes"]) == masters
