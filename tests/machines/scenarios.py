"""What happens to a deployment while people talk, and what they saw of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests import PROJECT
from tests.faults.verdict import Verdict, judge
from tests.machines.deployment import Deployment, Engine, deployment
from tests.machines.people import Seen, talking
from tests.servers import SentinelPair, wait_for

QUIET = 2.0
"""Seconds of talk before and after."""
RECOVERY = 60.0
SAFE = {"REDIS_WAIT_REPLICAS": "1"}
"""Redis has copied a turn before it counts: a failover loses none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """act: made while people talk. old: whether replicas begin with an earlier version's code."""

    name: str
    engine: Engine
    replicas: int
    act: Callable[[Deployment], None]
    old: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """recovered: seconds from its end until everybody was answered again; None: somebody was not."""

    scenario: Scenario
    verdict: Verdict
    seen: Seen
    recovered: float | None

    @property
    def held(self) -> bool:
        """Nothing lost, nobody mixed up, and whoever was refused had only to ask again."""
        return self.recovered is not None and not self.verdict.broken() and not self.seen.strayed


def run(scenario: Scenario, users: int, old: Path) -> Outcome:
    """old: the folder of the earlier version."""
    seen = Seen()
    project = old if scenario.old else PROJECT
    with (
        tempfile.TemporaryDirectory(prefix="cw-") as folder,
        deployment(Path(folder), scenario.replicas, scenario.engine, SAFE, project) as made,
        talking(made.spread, users, seen) as names,
    ):
        time.sleep(QUIET)
        scenario.act(made)
        ended, recovered = time.monotonic(), None
        while time.monotonic() - ended < RECOVERY and recovered is None:
            if seen.all_answered_since(ended, names):
                recovered = time.monotonic() - ended
            time.sleep(0.02)
        time.sleep(QUIET)
        for line in made.complaints():
            sys.stderr.write(f"{line}\n")
    return Outcome(scenario, judge(seen.events), seen, recovered)


def restarted(made: Deployment) -> None:
    """All replicas, one after the other, by SIGTERM."""
    for app in made.apps:
        app.stop()
        app.start()


def renewed(made: Deployment) -> None:
    """One after the other by today's code; the first one goes back, and is renewed again."""
    old = made.apps[0].project
    for app, project in ((made.apps[0], PROJECT), (made.apps[0], old), *((app, PROJECT) for app in made.apps)):
        app.stop()
        app.project = project
        app.start()
        time.sleep(QUIET)


def master_killed(made: Deployment) -> None:
    """Its replica takes over; it comes back as a replica."""
    if isinstance(made.redis, SentinelPair):
        old = made.redis.master()
        made.redis.failover()
        old.start()
        return
    cluster = made.redis
    gone, replica = cluster.servers[1], cluster.servers[cluster.masters + 1]
    gone.kill()

    def took_over() -> bool:
        with replica.client() as client:
            return bool(client.info("replication")["role"] == "master")

    wait_for(took_over, "the replica as a master", 30)
    gone.start()


def earlier(revision: str, folder: Path) -> Path:
    """The project as it was then, from this repository."""
    packed = subprocess.run(["git", "archive", revision], cwd=PROJECT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder


SCENARIOS = (
    Scenario("four replicas, restarted one after the other", "cluster", 4, restarted),
    Scenario("one of three masters killed, its replica takes over", "cluster", 4, master_killed),
    Scenario("two replicas, restarted one after the other", "sentinel", 2, restarted),
    Scenario("master killed, Sentinel promotes the replica", "sentinel", 2, master_killed),
    Scenario("two versions: four replicas renewed, the first one back and again", "cluster", 4, renewed, old=True),
)
