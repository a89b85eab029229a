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
import psutil

from tests import PROJECT, needs
from tests.browser.serving import AppServer
from tests.chat.faulty_server import FaultyServer, faulty_server
from tests.faults.cancelling import LATE, Chat
from tests.faults.clocks import Clocks, ClockServer
from tests.faults.fault import Kind
from tests.faults.model_faults import recalling
from tests.nginx import nginx
from tests.servers import Cluster, SentinelPair, Server, free_port, wait_for
from tests.sessions.connection.proxy import Proxy
from tests.web.serving import serving

SECRET = "for replicas that share their visitors"
BALANCER = PROJECT / "deploy" / "nginx.conf"
UNLIMITED = [
    f"LIMIT_{of}_{what}"
    for of, what in (
        ("SESSION", "TURNS"),
        ("ADDRESS", "TURNS"),
        ("SESSION", "UPLOADS"),
        ("ADDRESS", "UPLOADS"),
        ("ADDRESS", "SESSIONS"),
        ("SESSION", "AT_ONCE"),
        ("ADDRESS", "AT_ONCE"),
    )
]
"""All users of a run come from one address, and none of them reads what it is told."""
_LOGGED = "log_format replicas '$uri $upstream_addr $http_cookie';\n"
"""For whoever wants to know which replica a browser was connected to."""


@dataclass(slots=True)
class World:
    """folder: its own. sites: where users go, one after the other; sticky: where those go whose connections stay
    together. fronts: what can cut these connections. noticed: what faults themselves saw of what they made. What a kind
    of fault does not need is not there."""

    folder: Path
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
    clocks: Clocks | None = None
    fronts: Sequence[Proxy] = ()
    chat: Chat | None = None

    @property
    def server(self) -> Server:
        assert self.redis is not None
        return self.redis

    @property
    def replies(self) -> Proxy:
        assert self.proxy is not None
        return self.proxy

    @property
    def state(self) -> Path:
        return self.apps[0].state_dir

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
    """Everything for this kind of fault: two replicas, or three behind nginx where processes or Chroma come and go."""
    made = World(folder)
    behind_nginx = kind in ("processes", "library")
    env = {
        "SESSION_SECRET": SECRET,
        "MODEL_TIMEOUT_SECONDS": "3",
        "MODEL_MAX_RETRIES": "0",
        "CANARY_PROBE": "false",
        "DRAIN_SECONDS": "1",
        **dict.fromkeys(UNLIMITED, "0"),
    }
    if kind == "asyncio":
        with asyncio_chat(folder) as made:
            yield made
        return
    states = [folder / f"state-{number}" for number in range(replicas or (3 if behind_nginx else 2))]
    with ExitStack() as opened:
        if behind_nginx:
            made.cluster = opened.enter_context(Cluster(3, "--appendonly", "yes", replicas=1))
            made.chroma = Chroma(folder / "chroma")
            opened.callback(made.chroma.kill)
            made.chroma.start()
            # A turn counts when a replica has it, too: what is promoted then has all that was acknowledged.
            env |= {"REDIS_URL": made.cluster.url, "CHROMA_URL": made.chroma.url, "REDIS_WAIT_REPLICAS": "1"}
        elif kind == "failover":
            made.pair = opened.enter_context(SentinelPair(1, "--appendonly", "yes"))
            env["REDIS_URL"] = made.pair.url
        elif kind == "embedded":
            states = [opened.enter_context(small_disk(folder / "state"))] * len(states)
        elif kind == "clock":
            made.clocks = Clocks(folder)
            made.redis = opened.enter_context(ClockServer(made.clocks))
            env |= {"REDIS_URL": made.redis.url, **made.clocks.of("app")}
        else:
            made.redis = opened.enter_context(Server("--appendonly", "yes"))
            made.proxy = opened.enter_context(Proxy(made.redis.socket))
            env["REDIS_URL"] = made.proxy.url
        if kind == "model":
            made.model = opened.enter_context(faulty_server())
            made.model.always = recalling
            env |= {"OPENAI_BASE_URL": made.model.url, "OPENAI_API_KEY": "k", "CHAT_MODEL": "m"}
        made.apps = [AppServer(state, env) for state in states]
        for app in made.apps:
            opened.callback(app.kill)
        with ThreadPoolExecutor(2) as starting:
            list(starting.map(AppServer.start, made.apps))
        made.sites = [app.url for app in made.apps]
        if behind_nginx:
            made.fronts, (made.sites, made.sticky) = _fronts(folder, [app.port for app in made.apps], opened)
        yield made


@contextmanager
def asyncio_chat(folder: Path, *, ours: bool = True) -> Iterator[World]:
    """Redis behind a proxy that answers late, and a chat on asyncio; ours: on the product's store."""
    with Server("--appendonly", "yes") as server, Proxy(server.socket, delay=LATE) as proxy:
        chat = Chat(proxy.url, ours=ours)
        with serving(chat.app) as site:
            yield World(folder, sites=[site], redis=server, proxy=proxy, chat=chat)


def _fronts(folder: Path, ports: Sequence[int], opened: ExitStack) -> tuple[list[Proxy], list[list[str]]]:
    """What can cut every connection on its way to nginx, and their addresses: those of one that is not sticky, and of
    one that is, for visitors who seem to come from different networks."""
    fronts, sites = [], []
    for name, sources in (("spread", ["127.0.0.1"]), ("sticky", ["127.0.1.1", "127.0.2.1", "127.0.3.1", "127.0.4.1"])):
        (folder / name).mkdir()
        site = opened.enter_context(balancer(folder / name, ports, sticky=name == "sticky"))
        made = [opened.enter_context(Proxy(int(site.rpartition(":")[2]), source)) for source in sources]
        fronts += made
        sites.append([f"http://localhost:{one.port}" for one in made])
    return fronts, sites


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk of its own that can be filled; its processes end with it."""
    place.mkdir()
    needs.small_disk(place, 64)
    try:
        yield place
    finally:
        unmount = ["umount", str(place)]  # not while a supervisor, which serves no more, has not ended
        wait_for(
            lambda: not _users(place) and not subprocess.run(unmount, check=False, capture_output=True).returncode,
            "the end of what uses the disk",
            60,
        )


def _users(place: Path) -> list[int]:
    return [one.pid for one in psutil.process_iter(["cwd"]) if (one.info["cwd"] or "").startswith(str(place))]


@contextmanager
def balancer(folder: Path, ports: Sequence[int], *, sticky: bool = False) -> Iterator[str]:
    """The address of an nginx that follows `deploy/nginx.conf`, but for ports and names of replicas, and without
    `ip_hash` if not `sticky`: all users of a run come from one address, and each turn is to go to another replica.
    """
    port = free_port()
    replicas = iter(f"server 127.0.0.1:{one}" for one in ports)
    text = BALANCER.read_text(encoding="utf-8").replace("listen 80;", f"listen 127.0.0.1:{port};")
    text = text.replace("server {", f"{_LOGGED}server {{\n    access_log {folder}/replicas replicas;", 1)
    text = re.sub(r"server app-\d+:8501", lambda _: next(replicas), text)
    text = text.replace("_upstream_tries 2;", f"_upstream_tries {len(ports)};")
    if not sticky:
        text = text.replace("    ip_hash;\n", "")
    text = text.replace("    keepalive ", "".join(f"    {one} max_fails=0;\n" for one in replicas) + "    keepalive ")
    assert all(f":{one} " in text for one in ports), "deploy/nginx.conf has no place for replicas"
    with nginx(folder, text):
        yield f"http://localhost:{port}"


def _answers(address: str) -> None:
    def asked() -> bool:
        try:
            return httpx.get(address, timeout=2, verify=False).is_success
        except httpx.HTTPError:
            return False

    wait_for(asked, address, 60)
