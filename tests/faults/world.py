"""What faults are made in: servers and replicas of the real application, started and stopped by their own handles."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests import PROJECT
from tests.browser.serving import AppServer
from tests.chat.faulty_server import FaultyServer, faulty_server
from tests.faults.fault import Kind
from tests.faults.model_faults import recalling
from tests.nginx import nginx
from tests.servers import Cluster, SentinelPair, Server, free_port, wait_for
from tests.sessions.connection.proxy import Proxy

SECRET = "for replicas that share their visitors"
BALANCER = PROJECT / "deploy" / "nginx.conf"


@dataclass(slots=True)
class World:
    """sites: where users go, one after the other; sticky: where those go whose connections stay together. noticed: what
    faults themselves saw of what they made. What a kind of fault does not need is not there."""

    apps: list[AppServer] = field(default_factory=list)
    sites: Sequence[str] = ()
    sticky: Sequence[str] = ()
    noticed: Counter[str] = field(default_factory=Counter)
    redis: Server | None = None
    proxy: Proxy | None = None
    pair: SentinelPair | None = None
    cluster: Cluster | None = None
    model: FaultyServer | None = None
    chroma: Chroma | None = None

    @property
    def server(self) -> Server:
        assert self.redis is not None
        return self.redis

    @property
    def replies(self) -> Proxy:
        assert self.proxy is not None
        return self.proxy

    def sentinel_log(self) -> str:
        assert self.pair is not None
        return self.pair.sentinels[0].log()


class Chroma:
    """`chroma run`, on a loopback port. It can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        program = Path(sysconfig.get_path("scripts"), "chroma")
        command: list[str | Path] = [program, "run", "--path", self._folder / "data"]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        _answers(f"{self.url}/api/v2/heartbeat")

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def world(kind: Kind, folder: Path, replicas: int | None = None) -> Iterator[World]:
    """Everything for this kind of fault: two replicas, or four behind nginx where processes or Chroma come and go."""
    made = World()
    many = kind in ("processes", "library")
    env = {"SESSION_SECRET": SECRET, "MODEL_TIMEOUT_SECONDS": "3", "MODEL_MAX_RETRIES": "0"}
    with ExitStack() as opened:
        if many:
            made.cluster = opened.enter_context(Cluster(3, "--appendonly", "yes"))
            env["REDIS_URL"] = made.cluster.url
            made.chroma = Chroma(folder / "chroma")
            opened.callback(made.chroma.kill)
            made.chroma.start()
            env["CHROMA_URL"] = made.chroma.url
        elif kind == "failover":
            made.pair = opened.enter_context(SentinelPair(1, "--appendonly", "yes"))
            env["REDIS_URL"] = made.pair.url
        else:
            made.redis = opened.enter_context(Server("--appendonly", "yes"))
            made.proxy = opened.enter_context(Proxy(made.redis.socket))
            env["REDIS_URL"] = made.proxy.url
        if kind == "model":
            made.model = opened.enter_context(faulty_server())
            made.model.always = recalling
            env |= {"OPENAI_BASE_URL": made.model.url, "OPENAI_API_KEY": "k", "CHAT_MODEL": "m"}
        made.apps = [AppServer(folder / f"state-{number}", env) for number in range(replicas or (4 if many else 2))]
        for app in made.apps:
            opened.callback(app.kill)
        with ThreadPoolExecutor(2) as starting:
            list(starting.map(AppServer.start, made.apps))
        made.sites = (
            [opened.enter_context(balancer(folder, [app.port for app in made.apps]))]
            if many
            else [app.url for app in made.apps]
        )
        yield made


@contextmanager
def balancer(folder: Path, ports: Sequence[int], *, sticky: bool = False) -> Iterator[str]:
    """The address of an nginx that follows `deploy/nginx.conf`, but for ports and names of replicas, and without
    `ip_hash` if not `sticky`: all users of a run come from one address, and each turn is to go to another replica.
    """
    port = free_port()
    replicas = iter(f"server 127.0.0.1:{one}" for one in ports)
    text = BALANCER.read_text(encoding="utf-8").replace("listen 80;", f"listen 127.0.0.1:{port};")
    text = re.sub(r"server app-\d+:8501", lambda _: next(replicas), text)
    if not sticky:
        text = text.replace("    ip_hash;\n", "")
    text = text.replace(
        "    keepalive ", "".join(f"    {one} max_fails=1 fail_timeout=2s;\n" for one in replicas) + "    keepalive "
    )
    assert all(f":{one} " in text for one in ports), "deploy/nginx.conf has no place for replicas"
    with nginx(folder, text, [port]):
        yield f"http://localhost:{port}"


def _answers(address: str) -> None:
    def asked() -> bool:
        try:
            return httpx.get(address, timeout=2, verify=False).is_success
        except httpx.HTTPError:
            return False

    wait_for(asked, address, 60)
