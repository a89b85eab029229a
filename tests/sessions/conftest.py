"""Servers of the tests' own, and session ids and key prefixes of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture(scope="session", params=["valkey", "redis7", "cluster", "sentinels"])
def server_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param).url
    return url


@pytest.fixture(scope="session", params=["sync", "async"])
def loop(request: pytest.FixtureRequest) -> Iterator[Loop | None]:
    """The async store's event loop; None: the sync store."""
    if request.param == "sync":
        yield None
        return
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def raw(server_url: str) -> Iterator[Client]:
    """A client to look at what is stored, beside the store."""
    client = connect(server_url)
    yield client
    client.close()


@pytest.fixture(params=["plain", "sealed"])
def backend(server_url: str, loop: Loop | None, raw: Client, request: pytest.FixtureRequest) -> Iterator[Backend]:
    backend = Backend(server_url, request.param == "sealed", loop, raw)
    yield backend
    backend.close()


@pytest.fixture
def store(backend: Backend) -> AnyStore:
    return backend.open()
