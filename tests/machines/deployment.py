"""Replicas of the real application behind `deploy/nginx.conf`, on a Redis of several servers and a Chroma server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.settings import Settings
from tests import PROJECT
from tests.browser.serving import AppServer
from tests.faults.world import SECRET, Chroma, balancer
from tests.servers import Cluster, SentinelPair

Engine = Literal["cluster", "sentinel"]
UNLIMITED = {name.upper(): "0" for name in Settings.model_fields if name.startswith("limit_")}
"""All who talk here come from one address, without a pause."""
DRAIN_SECONDS = 5
"""As compose.yaml has it: longer than nginx keeps a connection."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """site: nginx as it is shipped, which sends one address to one replica; spread: the same, but each request goes to
    the next one."""

    apps: tuple[AppServer, ...]
    redis: Cluster | SentinelPair
    chroma: Chroma
    site: str
    spread: str
    folder: Path

    def complaints(self) -> list[str]:
        """What nginx has said of replicas that did not answer, and these of what broke."""
        log = (self.folder / "spread" / "nginx.log").read_text(errors="replace")
        found = [line for line in log.splitlines() if "while connecting to upstream" not in line and "upstream" in line]
        for app in self.apps:
            _, broke, traceback = app.log().partition("Traceback")
            found += [broke + traceback[:6000]] if broke else []
        return found

    def start_all(self) -> None:
        """Those replicas that do not run."""
        with ThreadPoolExecutor(2) as starting:
            list(starting.map(AppServer.start, [app for app in self.apps if not app.running]))


@contextmanager
def deployment(
    folder: Path,
    replicas: int,
    engine: Engine = "cluster",
    env: Mapping[str, str] | None = None,
    project: Path = PROJECT,
) -> Iterator[Deployment]:
    """env: further settings of all replicas; project: whose code they run."""
    with ExitStack() as opened:
        redis: Cluster | SentinelPair
        if engine == "cluster":
            redis = opened.enter_context(Cluster(3, "--appendonly", "yes", replicas=1))
        else:
            redis = opened.enter_context(SentinelPair(1, "--appendonly", "yes"))
        chroma = Chroma(folder / "chroma")
        opened.callback(chroma.kill)
        chroma.start()
        settings = {
            "SESSION_SECRET": SECRET,
            "REDIS_URL": redis.url,
            "CHROMA_URL": chroma.url,
            "DRAIN_SECONDS": str(DRAIN_SECONDS),
            "CANARY_PROBE": "false",
            **UNLIMITED,
            **(env or {}),
        }
        folders = [folder / f"state-{number}" for number in range(replicas)]
        apps = tuple(AppServer(one, settings, project, ("rag", "run", "--port")) for one in folders)
        for app in apps:
            opened.callback(app.kill)
        ports, addresses = [app.port for app in apps], []
        for name, sticky in (("site", True), ("spread", False)):
            (folder / name).mkdir()
            addresses.append(opened.enter_context(balancer(folder / name, ports, sticky=sticky)))
        found = Deployment(apps, redis, chroma, addresses[0], addresses[1], folder)
        found.start_all()
        yield found
