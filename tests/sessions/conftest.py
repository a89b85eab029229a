"""Servers of the tests' own, and session ids and key prefixes of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from rag.sessions import connect
from rag.sessions.connection.connect import Client
from tests import needs
from tests.servers import Cluster, SentinelPair, Server
from tests.sessions.backends import AnyStore, Backend
from tests.sessions.blocking import Loop


@pytest.fixture(scope="session")
def valkey() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def redis7() -> Iterator[Server]:
    with Server(program=needs.program("redis-server")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Cluster() as servers:
        yield servers


@pytest.fixture(scope="session")
def sentinels() -> Iterator[SentinelPair]:
    with SentinelPair() as servers:
        yield servers


@pytest.fixture
def client(valkey: Server) -> Iterator[Client]:
    client = connect(valkey.url)
    yield client
    client.close()


@pytest.fixture
def sid() -> str:
    return f"test-{uuid4().hex}"


@pytest.fixture(scope="session")
def async_loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


# Every pair of server, kind of store and way of storing. All three at once would show nothing more: the stores share
# their steps, the servers their commands, and the seal knows of neither.
PLACES = [
    f"{server}-{kind}-{stored}"
    for server, same in (("valkey", True), ("redis7", False), ("cluster", True), ("sentinels", False))
    for kind, stored in (("sync", "plain" if same else "sealed"), ("async", "sealed" if same else "plain"))
]


@pytest.fixture(scope="session", params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, Loop | None, bool, Client]]:
    """Where it is, the async store's event loop (None: the sync store), whether it is sealed, and a client to look."""
    server, kind, stored = request.param.split("-")
    url: str = request.getfixturevalue(server).url
    loop = request.getfixturevalue("async_loop") if kind == "async" else None
    with closing(connect(url)) as raw:
        yield url, loop, stored == "sealed", raw


@pytest.fixture
def backend(place: tuple[str, Loop | None, bool, Client]) -> Iterator[Backend]:
    url, loop, sealed, raw = place
    backend = Backend(url, sealed, loop, raw)
    yield backend
    backend.close()


@pytest.fixture
def store(backend: Backend) -> AnyStore:
    return backend.open()
