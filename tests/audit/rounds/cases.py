"""What is tried: the planted stores behind each interface, and ours on each server, in parts that can run apart."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from rag.audit.checks import CHECKS
from rag.audit.run.loading import factory_of
from tests.audit.planted import FAULTS, MORE
from tests.audit.planted.core import Core
from tests.audit.planted.expiry import FAULTS as IN_REDIS
from tests.audit.planted.expiry import RESTART, SERVED, in_redis, served
from tests.audit.planted.expiry import RIGHT as RIGHT_IN_REDIS
from tests.audit.planted.faces import FACES
from tests.audit.planted.known import ALSO, BY_DESIGN
from tests.audit.planted.right import RIGHT
from tests.servers import Cluster, Server

ALL, FEWER, ONCE = 1.0, 0.2, 0.0
"""Of the rounds that are asked for; at least one."""
FACTORIES = {"store": "crosswire-store", "async": "crosswire-store-async", "history": "crosswire-history"}
REDIS_7 = shutil.which("redis-server") or ""


@dataclass(frozen=True)
class Case:
    """One store, the checks that are tried at it, and how often."""

    store: str
    """Behind which interface, or where it is."""
    kind: str
    """The planted class, or what of ours."""
    make: Callable[..., Any]
    checks: tuple[str, ...]
    share: float = ALL
    fault: str = ""
    """The check that it has to fail; a right one has none."""
    also: frozenset[str] = frozenset()
    """What it fails by design, or with its fault."""


def faults(face: str) -> Iterator[Case]:
    """Each by its own check alone."""
    for check, kind in wrong_ones(face):
        yield Case(face, kind.__name__, FACES[face](kind), (check,), ALL, check)


def others(face: str) -> Iterator[Case]:
    """Each by all the others."""
    for check, kind in wrong_ones(face):
        also = BY_DESIGN.get(face, frozenset()) | ALSO.get((face, check), frozenset())
        yield Case(face, kind.__name__, FACES[face](kind), all_but(check), ONCE, check, also)


def right(face: str) -> Iterator[Case]:
    for name, kind in RIGHT.items():
        if face in kind.faces or kind is Core:
            also = BY_DESIGN.get(face, frozenset())
            yield Case(face, name, FACES[face](kind), tuple(CHECKS), ALL, also=also)


def wrong_ones(face: str) -> Iterator[tuple[str, type[Core]]]:
    for check, first in FAULTS.items():
        yield from ((check, kind) for kind in (first, *MORE.get(check, ())) if face in kind.faces)


def all_but(check: str) -> tuple[str, ...]:
    return tuple(each for each in CHECKS if each != check)


def expiry(what: str) -> Iterator[Case]:
    with Server() as server:
        if what == "right":
            for name, kind in RIGHT_IN_REDIS.items():
                yield Case("history in Redis", name, in_redis(kind, server.url), tuple(CHECKS))
            return
        for check, kind in IN_REDIS.items():
            checks, share = ((check,), ALL) if what == "faults" else (all_but(check), ONCE)
            yield Case("history in Redis", kind.__name__, in_redis(kind, server.url), checks, share, check)


def restart(what: str) -> Iterator[Case]:
    forgets, keeps = (served(*options) for options in SERVED)
    where = "history with a server of its own"
    if what == "faults":
        yield Case(where, "forgets", forgets, (RESTART,), ALL, RESTART)
    elif what == "others":
        yield Case(where, "forgets", forgets, all_but(RESTART), ONCE, RESTART, ALSO["served", RESTART])
    else:
        yield Case(where, "keeps", keeps, (RESTART,))
        for name in FACTORIES.values():
            yield Case("a server of its own", name, factory_of(name), (RESTART,), FEWER)


def ours(name: str, where: str, server: Callable[[], Any]) -> Iterator[Case]:
    with server() as running, named(running.url):
        share = ALL if name == "store" else FEWER
        yield Case(where, FACTORIES[name], factory_of(FACTORIES[name]), tuple(CHECKS), share)


@contextlib.contextmanager
def named(url: str) -> Iterator[None]:
    """Ours is kept on this server."""
    os.environ["AUDIT_REDIS_URL"] = url
    try:
        yield
    finally:
        del os.environ["AUDIT_REDIS_URL"]


SERVERS: dict[str, tuple[str, Callable[[], Any]]] = {
    "valkey": ("Valkey", Server),
    **({"redis7": ("Redis 7", partial(Server, program=REDIS_7))} if REDIS_7 else {}),
    "cluster": ("a cluster of three Valkeys", Cluster),
}

PARTS: dict[str, Callable[[], Iterator[Case]]] = {
    **{f"{face}:{part.__name__}": partial(part, face) for face in FACES for part in (faults, others, right)},
    **{f"expiry:{what}": partial(expiry, what) for what in ("faults", "others", "right")},
    **{f"restart:{what}": partial(restart, what) for what in ("faults", "others", "right")},
    **{f"{at}:{name}": partial(ours, name, *SERVERS[at]) for at in SERVERS for name in FACTORIES},
}
"""By name; `saver` stands for all that begin so."""
