"""How sure a verdict is: `python -m tests.audit.rounds [N]` tries each check N times at stores whose answer is known.

Each fault must be found by its own check every time, behind each interface, and fail no other. A right store must
never be accused: the planted one behind three interfaces, and ours on Valkey, Redis 7 and a cluster of three masters.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from rag.audit.checks import CHECKS
from rag.audit.run.loading import factory_of
from tests.audit.planted import FAULTS
from tests.audit.planted.core import Core
from tests.audit.test_planted import ALSO, BY_DESIGN, FACES, statuses
from tests.servers import Cluster, Server

UNTOLD = {"whole.equal-stamps", "whole.clock-back"}
"""What is unknown of ours: it asks its server's clock, if any, which cannot be set from here."""


@contextmanager
def at(server: Any) -> Iterator[None]:
    """Ours is kept on this server."""
    with server as running:
        os.environ["AUDIT_REDIS_URL"] = running.url
        yield
    del os.environ["AUDIT_REDIS_URL"]


def main(rounds: int) -> int:
    wrong = 0
    for face, make in FACES.items():
        for check, fault in FAULTS.items():
            if face not in fault.faces or not statuses(make(fault), [check]):
                continue  # it does not apply to this interface
            found = sum(statuses(make(fault), [check]) == {check: "fail"} for _ in range(rounds))
            wrong += found != rounds
            others = {each for each, came in statuses(make(fault), CHECKS).items() if came != "pass"}
            others -= {check} | BY_DESIGN.get(face, set()) | ALSO.get((face, check), set())
            wrong += bool(others)
            told(
                f"{check} behind {face}: found {found} of {rounds}; and also: {', '.join(sorted(others)) or 'nothing'}"
            )
    for name, server, target in right_ones():
        began = time.monotonic()
        accused: list[str] = []
        with server:
            for _ in range(rounds):
                accused += [check for check, came in statuses(target(), CHECKS).items() if came != "pass"]
        allowed = BY_DESIGN.get(name.rpartition(" ")[2], UNTOLD if name.startswith("crosswire") else set())
        accused = [each for each in accused if each not in allowed]
        wrong += bool(accused)
        seconds = (time.monotonic() - began) / rounds
        told(f"{name}: accused {len(accused)} times in {rounds} rounds {sorted({*accused})}; {seconds:.1f} s a round")
    return min(wrong, 1)


def right_ones() -> Iterator[tuple[str, AbstractContextManager[Any], Callable[[], Callable[..., Any]]]]:
    """Their name, what has to run, and the target."""
    for face, make in FACES.items():
        yield f"a right {face}", nullcontext(), lambda make=make: make(Core)  # type: ignore[misc]
    servers: dict[str, Callable[[], Any]] = {"Valkey": Server, "a cluster": Cluster}
    if program := shutil.which("redis-server"):
        servers["Redis 7"] = lambda: Server(program=program)
    for where, server in servers.items():
        for ours in ("crosswire-store", "crosswire-store-async", "crosswire-history"):
            yield f"{ours} on {where}", at(server()), lambda ours=ours: factory_of(ours)  # type: ignore[misc]


def told(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a command's result


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
