"""An inspector over a real Redis 7 and the bundled Valkey; each test has a key prefix of its own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from rag.inspector import Inspector
from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from tests import needs
from tests.inspector.stored_sessions import Place
from tests.servers import Server


@pytest.fixture(scope="session", params=["valkey", "redis7"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    program = needs.program("redis-server") if request.param == "redis7" else None
    with Server(program=program) as server:
        yield server


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Client]:
    client = connect(server.url)
    yield client
    client.close()


@pytest.fixture
def place(client: Client) -> Place:
    store = SessionStore(client, key_prefix=f"{uuid4().hex[:10]}:")
    return Place(client, store, Inspector(client, store))


@pytest.fixture
def sid() -> str:
    return f"test-{uuid4().hex}"
